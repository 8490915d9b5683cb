#include "models/runtime/torch_device.h"

#include <ATen/Version.h>
#include <torch/version.h>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "models/cascade_model.h"
#include "models/plan/instruction_set.h"

#ifdef CASCADE_CUDA
#include <c10/cuda/CUDAFunctions.h>
#endif

namespace cascade {
namespace {

// The instruction set that decides which CPU kernels run.
std::string InstructionSetName() {
  std::string name = absl::AsciiStrToLower(at::get_cpu_capability());
#ifdef __x86_64__
  // oneDNN goes beyond what ATen's own kernels tell apart.
  if (name == "avx512" && __builtin_cpu_supports("avx512bf16")) {
    name += HasBfloat16Units() ? "_amx" : "_bf16";
  }
#endif
  return name;
}

}  // namespace

std::vector<c10::Device> Devices() {
  std::vector<c10::Device> devices = {c10::Device(c10::kCPU)};
#ifdef CASCADE_CUDA
  for (int i = 0; i < c10::cuda::device_count(); ++i) {
    devices.emplace_back(c10::kCUDA, static_cast<c10::DeviceIndex>(i));
  }
#endif
  return devices;
}

absl::StatusOr<c10::Device> ParseDevice(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  absl::string_view rest = name;
  int index = 0;
  if (!absl::ConsumePrefix(&rest, "cuda") ||
      (!rest.empty() && (!absl::ConsumePrefix(&rest, ":") ||
                         !absl::SimpleAtoi(rest, &index) || index < 0))) {
    return absl::InvalidArgumentError(
        absl::StrCat("device = \"", name, "\" is not cpu or cuda:N"));
  }
#ifdef CASCADE_CUDA
  const int count = c10::cuda::device_count();
  if (index >= count) {
    return absl::NotFoundError(absl::StrCat(
        "device = \"", name, "\": the machine has ", count, " CUDA devices"));
  }
  return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
#else
  return absl::UnimplementedError(
      absl::StrCat("device = \"", name, "\": this build has no CUDA"));
#endif
}

std::string BuildDescription() {
#ifdef CASCADE_CUDA
  constexpr char kDevices[] = "cpu+cuda";
#else
  constexpr char kDevices[] = "cpu";
#endif
  return absl::StrCat(CASCADE_VERSION, " ", kDevices, " ", InstructionSetName(),
                      " torch ", TORCH_VERSION);
}

}  // namespace cascade
