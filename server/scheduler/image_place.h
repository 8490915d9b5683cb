#pragma once

namespace cascade {

// Where an image is. It is in exactly one place:
//
//   kReady -> kStepping <-> kResident      within a stage
//   kStepping -> kReady                    to the next stage
//   kResident -> kParking -> kReady        its slot goes to another image
//   kStepping -> kGone                     finished, or lost in the step
//   kReady | kParking -> kGone             its job ended
//   kResident | kStepping -> kLeaving -> kGone   likewise, with a slot to free
enum class ImagePlace {
  kReady,     // Waits for a slot of its stage, on any lane.
  kStepping,  // Has a slot, and takes part in the lane's step.
  kResident,  // Has a slot; waits for the next step.
  kParking,   // Its lane copies it to host memory and frees its slot.
  kLeaving,   // Has a slot that its lane frees before its next step.
  kGone,
};

}  // namespace cascade
