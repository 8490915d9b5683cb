#pragma once

namespace cascade {

// malloc() is jemalloc's, and keeps what steps free for the next steps: glibc
// would return large blocks to the kernel, and get them back a small page at a
// time. With sanitizers it is theirs.

// Returns what is kept to the kernel: after something larger than a step, as a
// load or an unload. Any thread may call it beside steps, which go on.
void ReturnFreedMemory();

}  // namespace cascade
