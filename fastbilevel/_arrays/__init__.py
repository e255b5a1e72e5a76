"""Where arrays live: from their types to kernels, to and from a device, what memory allows.

Import `dispatch`, `placement` and `memory`; nothing above `fastbilevel.kernels` is imported here.
"""
