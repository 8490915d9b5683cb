#pragma once

#include <optional>

#include "server/scheduler/step_policy.h"

namespace cascade {

// Whole-request dynamic batching, as other servers do it: kept to compare the
// step policy with, on the same lanes and over the same snapshots.
//
// A lane takes a group of images that have not begun: the one that came first,
// and those behind it at the same stage with the same steps to go, up to the
// stage's preferred rows. It runs them in lock step through all their stages,
// as many at once as the stage has room for. Nobody joins them, nobody is
// parked, and priorities, tenants and deadlines do not matter. The next group
// begins when the last image of this one has left. Where lanes do not run all
// stages, images leave their lane's group with its last stage and wait to begin
// in another's. None: nothing to do.
std::optional<StepChoice> ChooseWholeRequests(const LaneView& lane);

}  // namespace cascade
