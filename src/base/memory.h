// Memory of a process that sleeps most of its life.
#pragma once

namespace sdwdate::base {

/// Gives back what is not needed while waiting: free heap, and the pages of code and constants, which the kernel reads
/// again from its cache when they are next used. Nothing is lost.
void give_memory_back() noexcept;

}  // namespace sdwdate::base
