#include "models/plan/thread_workspace.h"

#include <cstddef>
#include <vector>

namespace cascade {

float* ThreadWorkspace(int64_t floats) {
  constexpr size_t kLine = 64;
  thread_local std::vector<float> workspace;
  const size_t needed = static_cast<size_t>(floats) + kLine / sizeof(float);
  if (workspace.size() < needed) workspace.resize(needed);
  const auto address = reinterpret_cast<uintptr_t>(workspace.data());
  const uintptr_t line = (address + kLine - 1) / kLine * kLine;
  return workspace.data() + (line - address) / sizeof(float);
}

}  // namespace cascade
