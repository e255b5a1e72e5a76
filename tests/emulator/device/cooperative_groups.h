// Stands in for CUDA's header of the same name.
#pragma once

namespace cooperative_groups {
struct grid_group {
    void sync(EMULATED_CALLER) const { emulator::grid_barrier(file, line); }
    bool is_valid() const { return emulator::is_cooperative(); }
    unsigned long long num_blocks() const {
        return (unsigned long long)gridDim.x * gridDim.y * gridDim.z;
    }
    unsigned long long block_rank() const {
        return blockIdx.x + (unsigned long long)gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    }
    unsigned long long size() const { return num_blocks() * emulator::block_size(); }
    unsigned long long thread_rank() const {
        return block_rank() * emulator::block_size() + emulator::thread_rank();
    }
};

struct thread_block {
    void sync(EMULATED_CALLER) const { emulator::block_barrier(false, file, line); }
    unsigned size() const { return (unsigned)emulator::block_size(); }
    unsigned thread_rank() const { return (unsigned)emulator::thread_rank(); }
};

inline grid_group this_grid() { return {}; }
inline thread_block this_thread_block() { return {}; }
}  // namespace cooperative_groups
