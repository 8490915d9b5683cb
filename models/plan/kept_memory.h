#pragma once

namespace cascade {

// Makes the process keep what steps free for the next step: glibc would return
// large blocks to the kernel, and get them back a page fault at a time. Once a
// process, whoever calls it how often; what is kept is at most what the steps
// of all threads needed at the same time.
void KeepFreedMemory();

}  // namespace cascade
