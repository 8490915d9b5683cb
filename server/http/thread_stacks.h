#pragma once

namespace cascade {

// From now on, what this process's code and libraries ask for as the size of a
// thread's stack does not have to hold the thread-local variables of all
// libraries as well. glibc counts these as part of the stack, and starts no
// thread where they do not fit (sourceware.org, bug 11787): CUDA's take 270
// KiB, and civetweb asks for 100. Thread-safe.
void KeepThreadLocalsOutOfStackSizes();

}  // namespace cascade
