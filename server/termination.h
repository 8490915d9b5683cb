#pragma once

namespace cascade {

// What SIGTERM and SIGINT do, from one call to the next. Each is called once,
// in this order, by the main thread.

// From now on either ends the process at once, with exit code 128 + signal:
// also as a container's first process, for which the default is that nothing
// happens.
void EndOnTermination();

// From now on the first one is kept for WaitForTermination(); the one after it
// ends the process at once.
void KeepTermination();

// Blocks until there is a kept one, and returns which; or until the process
// wants to end by itself: 0.
int WaitForTermination();

// Ends the wait. Any thread, once EndOnTermination() has been called.
void RequestTermination();

}  // namespace cascade
