#pragma once

namespace cascade {

// Blocks until SIGTERM or SIGINT and returns which. Before and after the call
// both end the process at once: a signal during start-up, and a second one
// while the server drains. Call it once.
int WaitForTermination();

}  // namespace cascade
