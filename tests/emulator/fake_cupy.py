"""A strict, numpy-backed test double for the part of CuPy the GPU backend uses.

RawModule/RawKernel compile the CUDA C++ source with g++ through cuda_emu.h and really run it.
Not a numpy.ndarray subclass on purpose: mixing numpy and device arrays must fail here as on a GPU.
"""
from __future__ import annotations
import ctypes, hashlib, os, pathlib, re, subprocess, sys, tempfile, types
import numpy as np

HERE = pathlib.Path(__file__).parent
CACHE = pathlib.Path(os.environ.get("CUDA_EMU_CACHE", str(pathlib.Path(__file__).parent / ".cache")))
class config:
    seed = 0            # != 0: random thread and block order
    strict = True       # dtype / contiguity / scalar width checks of launch arguments
    coop_blocks_per_sm = 2   # from the offline register/shared-memory report of the target GPU
    sanitize = os.environ.get("CUDA_EMU_SANITIZE", "")      # "", "address", "thread"
class stats:
    launches: list = []; syncs = 0
    @classmethod
    def reset(cls): cls.launches = []; cls.syncs = 0
class EmuError(RuntimeError): pass

# ---------------------------------------------------------------- arrays
def _un(x, what="operand"):
    if isinstance(x, ndarray): return x._a
    if isinstance(x, np.ndarray): raise TypeError(f"Unsupported type {type(x)} for {what}")     # CuPy's own rule
    if isinstance(x, (list, tuple)): return type(x)(_un(v) for v in x)
    return x
def _wrap(a): return ndarray._new(np.asarray(a)) if isinstance(a, (np.ndarray, np.generic)) else a
class ndarray:
    __slots__ = ("_a", "__weakref__"); __array_priority__ = 100
    def __init__(self, shape, dtype=float): self._a = np.full(shape, 0, dtype); _poison(self._a)
    @classmethod
    def _new(cls, a): o = cls.__new__(cls); o._a = a; return o
    def __array__(self, *a, **k): raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array explicitly.")
    def __array_ufunc__(self, uf, method, *ins, **kw):
        out = kw.pop("out", None)
        if out is not None: kw["out"] = tuple(_un(o) for o in out)
        r = getattr(uf, method)(*[_un(i) for i in ins], **kw)
        if out is not None: return out[0]
        return tuple(map(_wrap, r)) if isinstance(r, tuple) else _wrap(r)
    shape = property(lambda s: s._a.shape, lambda s, v: setattr(s._a, "shape", v)); dtype = property(lambda s: s._a.dtype); size = property(lambda s: s._a.size)
    ndim = property(lambda s: s._a.ndim); nbytes = property(lambda s: s._a.nbytes); itemsize = property(lambda s: s._a.itemsize); strides = property(lambda s: s._a.strides)
    flags = property(lambda s: s._a.flags); T = property(lambda s: _wrap(s._a.T)); device = property(lambda s: cuda.Device(0))
    @property
    def data(self): return types.SimpleNamespace(ptr=self._a.ctypes.data, device_id=0)
    def __len__(s): return len(s._a)
    def __getitem__(s, k): return _wrap(s._a[_un(k)])
    def __setitem__(s, k, v): s._a[_un(k)] = _un(v, "setitem")
    def _host(s): stats.syncs += 1; return s._a
    def get(s, *a, **k): return s._host().copy()
    def item(s, *a): return s._host().item(*a)
    def tolist(s): return s._host().tolist()
    def __float__(s): return float(s._host())
    def __int__(s): return int(s._host())
    def __bool__(s): return bool(s._host())
    def __index__(s): return s._host().__index__()
    def __repr__(s): return "fakecupy." + repr(s._a)
    def set(s, a): assert isinstance(a, np.ndarray); s._a[...] = a
for _n in "add sub mul truediv floordiv mod pow matmul lt le gt ge eq ne and or xor radd rsub rmul rtruediv rpow rmatmul iadd isub imul itruediv neg abs".split():
    def _mk(n):
        def f(self, *o):
            o = [_un(v) for v in o]; r = getattr(self._a, n)(*o)
            if r is NotImplemented: return r
            if n.startswith("__i") and n != "__index__": return self
            return _wrap(r)
        f.__name__ = n; return f
    setattr(ndarray, f"__{_n}__", _mk(f"__{_n}__"))
for _n in "reshape ravel astype copy sum mean max min argmax argmin dot transpose fill squeeze any all cumsum clip view take flatten".split():
    def _mk(n):
        def f(self, *a, **k): return _wrap(getattr(self._a, n)(*[_un(v) for v in a], **{q: _un(v) for q, v in k.items()}))
        f.__name__ = n; return f
    setattr(ndarray, _n, _mk(_n))
def _poison(a):
    if a.dtype.kind == "f": a.fill(np.nan)
    elif a.dtype.kind in "iu": a.fill(np.iinfo(a.dtype).max)

# ---------------------------------------------------------------- RawModule
_DYN = re.compile(r"extern\s+__shared__\s+(?:__align__\s*\(\s*\d+\s*\)\s+)?([\w:<> ]+?)\s+(\w+)\s*\[\s*\]\s*;")
_STA = re.compile(r"__shared__\s+(?:__align__\s*\(\s*\d+\s*\)\s+)?([\w:<>, ]+?)\s+(\w+)\s*((?:\[[^\]]*\])*)\s*;")
def _rewrite(src):
    src = _DYN.sub(lambda m: f"{m[1]}* {m[2]} = ({m[1]}*)emu::dynsmem();", src)
    ids = iter(range(10**6))
    def sta(m):
        i = next(ids); return f"typedef {m[1]} emu_sh{i}_t{m[3]}; static char emu_sh{i}_k; emu_sh{i}_t& {m[2]} = *(emu_sh{i}_t*)emu::shared_slot(&emu_sh{i}_k, sizeof(emu_sh{i}_t));"
    src = _STA.sub(sta, src)
    if "__shared__" in re.sub(r"//.*|/\*.*?\*/", "", src, flags=re.S): raise EmuError("a __shared__ declaration has a form the emulator does not rewrite (one variable a declaration, please)")
    return src
_SAN = {"": ["-O2"], "address": ["-O1", "-g", "-fsanitize=address,undefined", "-fno-omit-frame-pointer", "-fno-sanitize-recover=undefined"], "thread": ["-O1", "-g", "-fsanitize=thread"]}
_RTDEF = {"": [], "address": ["-DEMU_ASAN"], "thread": ["-DEMU_TSAN"]}
def _gxx(args, out):
    with tempfile.TemporaryDirectory(dir=CACHE) as td:
        t = pathlib.Path(td) / out.name
        r = subprocess.run(["g++", *map(str, args), "-o", str(t)], capture_output=True, text=True)
        if r.returncode: raise EmuError("g++ failed:\n" + r.stderr[-4000:])
        os.replace(t, out)
def _build(src, options, names):
    CACHE.mkdir(parents=True, exist_ok=True); san = config.sanitize
    inc = ["-I", HERE / "include", "-I", HERE]; base = ["-std=gnu++17", "-fPIC", "-w", "-fno-strict-aliasing", *_RTDEF[san]]
    hdr = (HERE / "cuda_emu.h").read_text(); rt = (HERE / "cuda_emu_rt.cpp").read_text()
    ro = CACHE / (hashlib.sha256(repr((hdr, rt, base)).encode()).hexdigest()[:24] + ".o")
    if not ro.exists(): _gxx([*base, "-O2", "-c", *inc, HERE / "cuda_emu_rt.cpp"], ro)
    flags = [*base, *_SAN[san], *[o for o in options if o.startswith("-D")]]
    body = '#include "cuda_emu.h"\n#line 1 "kernels.cu"\n' + _rewrite(src) + "\n" + "".join(f"EMU_EXPORT({i}, {n})\n" for i, n in enumerate(names))
    so = CACHE / (hashlib.sha256(repr((hdr, rt, body, flags)).encode()).hexdigest()[:24] + ".so")
    if not so.exists():
        f = so.with_suffix(".cpp"); f.write_text(body); _gxx([*flags, "-shared", *inc, f, ro], so)
    return ctypes.CDLL(str(so))
class _Cfg(ctypes.Structure):
    _fields_ = [(k, ctypes.c_uint) for k in ("gx", "gy", "gz", "bx", "by", "bz")] + [("shmem", ctypes.c_uint64), ("seed", ctypes.c_uint64), ("shuffle", ctypes.c_int), ("coop", ctypes.c_int), ("switches", ctypes.c_uint64), ("barriers", ctypes.c_uint64)]
class RawKernel:
    def __init__(self, code, name, options=(), backend="nvrtc", *, translate_cucomplex=False, enable_cooperative_groups=False, jitify=None, _names=None, _lib=None):
        if not isinstance(options, tuple): raise TypeError("Argument 'options' has incorrect type (expected tuple)")
        names = _names or (name,); self.name = name; self.coop = enable_cooperative_groups
        self._lib = _lib or _build(code, options, names); i = names.index(name)
        self._f = getattr(self._lib, f"emu_launch_{i}"); s = getattr(self._lib, f"emu_sig_{i}"); s.restype = ctypes.c_char_p
        self._sig = s().decode().split(); self.max_dynamic_shared_size_bytes = 48 * 1024
    def __call__(self, grid, block, args, *, shared_mem=0, stream=None):
        if not (isinstance(grid, tuple) and isinstance(block, tuple) and isinstance(args, tuple)): raise TypeError("grid, block and args must be tuples")
        g = (*grid, 1, 1)[:3]; b = (*block, 1, 1)[:3]; nt = b[0] * b[1] * b[2]
        if min(g) < 1 or min(b) < 1 or nt > 1024 or b[2] > 64 or max(g[1:]) > 65535 or g[0] >= 2**31: raise EmuError(f"CUDA_ERROR_INVALID_VALUE: grid {g}, block {b}")
        if self.coop and g[0] * g[1] * g[2] > _Device.attributes["MultiProcessorCount"] * config.coop_blocks_per_sm: raise EmuError(f"CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE: {g}")
        if shared_mem > self.max_dynamic_shared_size_bytes: raise EmuError(f"CUDA_ERROR_INVALID_VALUE: {shared_mem} bytes of dynamic shared memory, limit {self.max_dynamic_shared_size_bytes}")
        if len(args) != len(self._sig): raise EmuError(f"{self.name}: {len(args)} arguments for {len(self._sig)} parameters ({' '.join(self._sig)})")
        keep = []; ptrs = (ctypes.c_void_p * max(1, len(args)))()
        for i, (a, s) in enumerate(zip(args, self._sig)):
            where = f"{self.name}: argument {i} ({s})"
            if isinstance(a, ndarray):
                if s[0] != "P": raise EmuError(f"{where}: an array passed for a scalar")
                k = a.dtype.kind; want = s[2:]
                if config.strict and want != "v1" and f"{k if k in 'fiub' else 'V'}{a.dtype.itemsize}" != want: raise EmuError(f"{where}: array has dtype {a.dtype}")
                if config.strict and not a._a.flags.c_contiguous: raise EmuError(f"{where}: array is not C-contiguous")
                if config.strict and s[1] == "m" and not a._a.flags.writeable: raise EmuError(f"{where}: read-only array")
                buf = ctypes.c_void_p(a._a.ctypes.data)
            elif isinstance(a, np.ndarray):
                if a.size != 1: raise TypeError(f"{where}: Unsupported type {type(a)}")
                if s != f"V{a.itemsize}": raise EmuError(f"{where}: {a.itemsize} bytes by value")
                buf = (ctypes.c_char * a.itemsize).from_buffer_copy(a.tobytes())
            else:
                if isinstance(a, bool): a = np.bool_(a)
                elif isinstance(a, int): a = np.int64(a)        # what CuPy packs for Python scalars
                elif isinstance(a, float): a = np.float64(a)
                if not isinstance(a, np.generic): raise TypeError(f"{where}: Unsupported type {type(a)}")
                if f"{a.dtype.kind}{a.dtype.itemsize}" != s: raise EmuError(f"{where}: scalar packs as {a.dtype} ({a.dtype.itemsize} bytes)")
                buf = (ctypes.c_char * a.dtype.itemsize).from_buffer_copy(a.tobytes())
            keep.append(buf); ptrs[i] = ctypes.addressof(buf)
        c = _Cfg(*g, *b, shared_mem, config.seed or 1, int(bool(config.seed)), int(self.coop), 0, 0); err = ctypes.create_string_buffer(600)
        rc = self._f(ctypes.byref(c), ptrs, err, 600); stats.launches.append((self.name, g, b, shared_mem, c.switches, c.barriers))
        if rc: raise EmuError(f"{self.name}: {err.value.decode()}")
class RawModule:
    def __init__(self, *, code=None, path=None, options=(), backend="nvrtc", translate_cucomplex=False, enable_cooperative_groups=False, name_expressions=None, jitify=None):
        if not isinstance(options, tuple): raise TypeError("Argument 'options' has incorrect type (expected tuple)")
        self.code, self.options, self.coop = code, options, enable_cooperative_groups
        self.names = tuple(name_expressions) if name_expressions else None; self._lib = None
    def compile(self, log_stream=None):
        if self.names is None: self.names = tuple(re.findall(r"__global__\s+void\s+(?:__launch_bounds__\([^)]*\)\s+)?(\w+)\s*\(", self.code))
        if self._lib is None: self._lib = _build(self.code, self.options, self.names)
    def get_function(self, name):
        self.compile()
        if name not in self.names: raise EmuError(f"CUDA_ERROR_NOT_FOUND: named symbol not found: {name}")
        return RawKernel(self.code, name, self.options, enable_cooperative_groups=self.coop, _names=self.names, _lib=self._lib)

# ---------------------------------------------------------------- module surface
class _Device:
    def __init__(self, id=0): self.id = id
    attributes = {"MultiProcessorCount": 4, "MaxSharedMemoryPerBlockOptin": 232448}; compute_capability = "90"
    def __enter__(self): return self
    def __exit__(self, *a): pass
    def use(self): pass
    def synchronize(self): stats.syncs += 1
class _Stream:
    null = None
    def __init__(self, *a, **k): self.ptr = 0
    def __enter__(self): return self
    def __exit__(self, *a): pass
    def synchronize(self): stats.syncs += 1
cuda = types.ModuleType("cupy.cuda"); cuda.Device = _Device; cuda.Stream = _Stream; cuda.is_available = lambda: True; cuda.get_current_stream = _Stream
cuda.runtime = types.SimpleNamespace(getDeviceCount=lambda: 1, getDevice=lambda: 0, deviceSynchronize=lambda: None)
_PASS = "float32 float64 int32 int64 uint32 uint64 bool_ int8 uint8 newaxis pi inf nan dtype".split()
_FUNC = "zeros ones full arange zeros_like ones_like full_like exp log sqrt abs maximum minimum where sum mean max min argmax argmin dot matmul tensordot concatenate stack take clip sign tanh isfinite linalg einsum broadcast_to expand_dims repeat tile cumsum allclose array_equal bincount unique sort argsort searchsorted multiply add subtract square vdot outer ascontiguousarray".split()
def _fn(f): 
    def g(*a, **k): 
        r = f(*[_un(v) for v in a], **{q: _un(v) for q, v in k.items()}); return tuple(map(_wrap, r)) if isinstance(r, tuple) else _wrap(r)
    return g
def make():
    m = types.ModuleType("cupy"); m.__path__ = []; m.ndarray = ndarray; m.RawModule = RawModule; m.RawKernel = RawKernel; m.cuda = cuda; m.__version__ = "14.2.0+emu"
    for n in _PASS: setattr(m, n, getattr(np, n))
    for n in _FUNC:
        if n != "linalg": setattr(m, n, _fn(getattr(np, n)))
    m.linalg = types.SimpleNamespace(norm=_fn(np.linalg.norm))
    m.asarray = m.array = lambda a, dtype=None, order=None, **k: (_wrap(np.array(a._a, dtype=dtype)) if isinstance(a, ndarray) else _wrap(np.array(a, dtype=dtype)))
    m.asarray = lambda a, dtype=None, **k: a if isinstance(a, ndarray) and (dtype is None or a.dtype == dtype) else m.array(a, dtype)
    m.asnumpy = lambda a, **k: a.get() if isinstance(a, ndarray) else np.asarray(a)
    m.get_array_module = lambda *a: m if any(isinstance(x, ndarray) or type(x).__module__.startswith("fakecupy") for x in a) else np
    m.zeros_like = lambda a, dtype=None: _wrap(np.zeros(a.shape, dtype or a.dtype))     # calloc: huge arrays stay virtual
    m.empty = lambda shape, dtype=float, order="C": ndarray(shape, dtype)          # poisoned
    m.empty_like = lambda a, dtype=None: ndarray(a.shape, dtype or a.dtype)
    def miss(name): raise AttributeError(f"module 'cupy' (emulated) has no attribute {name!r}: add it to fakecupy if CuPy has it")
    m.__getattr__ = miss
    return m
class csr_matrix:
    def __init__(self, A): self.shape, self.nnz = A.shape, A.nnz; self.data, self.indices, self.indptr = _wrap(A.data.copy()), _wrap(A.indices.astype(np.int32)), _wrap(A.indptr.astype(np.int32)); self.dtype = A.dtype
    def get(self):
        import scipy.sparse as sp; return sp.csr_matrix((self.data.get(), self.indices.get(), self.indptr.get()), shape=self.shape)
def install():
    m = make(); x = types.ModuleType("cupyx"); x.__path__ = []; xs = types.ModuleType("cupyx.scipy"); xs.__path__ = []; xss = types.ModuleType("cupyx.scipy.sparse")
    xss.csr_matrix = csr_matrix; xss.issparse = lambda a: isinstance(a, csr_matrix); x.scipy = xs; xs.sparse = xss
    sys.modules.update({"cupy": m, "cupy.cuda": cuda, "cupyx": x, "cupyx.scipy": xs, "cupyx.scipy.sparse": xss}); return m
