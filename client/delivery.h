#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cascade/v1/cascade_service.pb.h"
#include "cascade/v1/image_generation_service.pb.h"
#include "client/cancel_token.h"
#include "client/event_view.h"
#include "client/exit_code.h"
#include "client/picture_files.h"
#include "client/state_files.h"

namespace cascade {

// The flags that say where the results of a call go.
struct DeliveryFlags {
  std::string out;
  std::string states;
  bool json = false;
  bool show = false;

  // Adds them to a command.
  void AddTo(CLI::App& command);

  // INVALID_ARGUMENT when the results would go nowhere.
  absl::Status Check() const;
  // Asks for what is to be shown and written. INVALID_ARGUMENT, naming the
  // flag, when that cannot be had together.
  absl::Status Shape(v1::GenerateImageRequest& request) const;
};

// Takes the events of one call: shows them, and writes images and states into
// their folders. A file that cannot be written cancels the call. Owned by one
// thread.
class Delivery {
 public:
  // `request`, of which stages from `first_stage` on run, is as Shape() left
  // it, and `format` as its flag says. `cancel` outlives the delivery.
  static absl::StatusOr<Delivery> Create(
      const DeliveryFlags& flags, const std::string& format,
      const v1::GenerateImageRequest& request, int first_stage,
      const v1::Cascade& cascade, CancelToken& cancel);

  void Take(const v1::GenerateImageResponse& event);
  // The call is asked again, having ended so.
  void Restart(const CallStatus& ended);
  // The call has ended.
  ExitCode End(const CallStatus& status);

 private:
  explicit Delivery(CancelToken& cancel) : cancel_(&cancel) {}
  absl::StatusOr<WrittenFiles> Write(const v1::StageImage& image) const;

  CancelToken* cancel_;
  std::unique_ptr<EventView> view_;
  std::optional<PictureFiles> pictures_;
  std::optional<StateFiles> states_;
  absl::Status write_status_;
};

// Tells of a call that has ended before it could deliver anything.
ExitCode DeliverError(const DeliveryFlags& flags, const CallStatus& status);

}  // namespace cascade
