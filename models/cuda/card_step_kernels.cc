#include "models/cuda/card_step_kernels.h"

#include <ATen/ops/empty.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "models/cuda/card_rows.h"
#include "models/cuda/card_stream.h"

namespace cascade {
namespace {

// Memory of the card for one step and the same on the host, laid out by
// Arrange(): rows and flags, which are uploaded in one piece, and flags and
// pixels, which come back in one.
class StepTable {
 public:
  StepTable(int max_rows, int64_t image_size, at::Device device)
      : image_size_(image_size) {
    Arrange(static_cast<size_t>(max_rows), static_cast<size_t>(max_rows));
    const int64_t bytes = pixels_ + max_rows * image_size;
    const auto options = at::TensorOptions().dtype(at::kByte);
    host_ = at::empty({bytes},
                      device.is_cpu() ? options : options.pinned_memory(true));
    device_ = at::empty({bytes}, options.device(device));
  }

  void Arrange(size_t network_rows, size_t images) {
    int64_t end = 0;
    const auto place = [&](size_t count, size_t element_bytes) {
      const int64_t begin = end;
      end += static_cast<int64_t>((count * element_bytes + 15) / 16 * 16);
      return begin;
    };
    limits_ = place(images, sizeof(double));
    network_rows_ = place(network_rows, sizeof(CardNetworkRow));
    update_rows_ = place(images, sizeof(CardUpdateRow));
    finite_ = place(images, sizeof(int32_t));
    pixels_ = end;
  }

  std::span<CardNetworkRow> host_network_rows(size_t count) const {
    return {At<CardNetworkRow>(host_, network_rows_), count};
  }
  std::span<CardUpdateRow> host_update_rows(size_t count) const {
    return {At<CardUpdateRow>(host_, update_rows_), count};
  }
  std::span<int32_t> host_finite(size_t count) const {
    return {At<int32_t>(host_, finite_), count};
  }
  const uint8_t* host_pixels(int64_t row) const {
    return At<uint8_t>(host_, pixels_) + row * image_size_;
  }

  const CardNetworkRow* network_rows() const {
    return At<CardNetworkRow>(device_, network_rows_);
  }
  const CardUpdateRow* update_rows() const {
    return At<CardUpdateRow>(device_, update_rows_);
  }
  double* limits() const { return At<double>(device_, limits_); }
  int32_t* finite() const { return At<int32_t>(device_, finite_); }
  uint8_t* pixels() const { return At<uint8_t>(device_, pixels_); }

  void Upload() const { Copy(host_, device_, network_rows_, pixels_); }
  void Download(int64_t pixel_rows) const {
    Copy(device_, host_, finite_, pixels_ + pixel_rows * image_size_);
  }

 private:
  template <typename T>
  static T* At(const at::Tensor& bytes, int64_t offset) {
    return reinterpret_cast<T*>(bytes.data_ptr<uint8_t>() + offset);
  }

  static void Copy(const at::Tensor& from, const at::Tensor& to, int64_t begin,
                   int64_t end) {
    to.narrow(0, begin, end - begin)
        .copy_(from.narrow(0, begin, end - begin), /*non_blocking=*/true);
  }

  const int64_t image_size_;
  at::Tensor host_;  // Pinned where there is a card.
  at::Tensor device_;
  // Where each part begins, bytes.
  int64_t limits_ = 0;
  int64_t network_rows_ = 0;
  int64_t update_rows_ = 0;
  int64_t finite_ = 0;
  int64_t pixels_ = 0;
};

// Where a step begins and ends on the card.
struct StepEvents {
  explicit StepEvents(at::Device device)
      : begin(device.type(), c10::EventFlag::BACKEND_DEFAULT),
        end(device.type(), c10::EventFlag::BACKEND_DEFAULT) {}

  c10::Event begin;
  c10::Event end;
};

// One of the steps that may be under way.
struct Place {
  Place(int max_rows, int64_t image_size, at::Device device)
      : table(max_rows, image_size, device) {
    if (!device.is_cpu()) events.emplace(device);
  }

  StepTable table;
  std::optional<StepEvents> events;  // None on the CPU.
};

class CardPendingStep final : public PendingStep {
 public:
  // Where the pixels of an image go, by the image's number.
  struct Pixels {
    size_t image = 0;
    std::span<uint8_t> to;
  };

  CardPendingStep(std::shared_ptr<Place> place, size_t images,
                  std::vector<Pixels> pixels)
      : place_(std::move(place)), images_(images), pixels_(std::move(pixels)) {}

  StepResult Wait() override {
    StepResult result;
    if (place_->events.has_value()) {
      const StepEvents& events = *place_->events;
      events.end.synchronize();
      result.device_time =
          absl::Milliseconds(events.begin.elapsedTime(events.end));
    }
    const std::span<int32_t> finite = place_->table.host_finite(images_);
    result.finite.assign(finite.begin(), finite.end());
    for (size_t i = 0; i < pixels_.size(); ++i) {
      if (!result.finite[pixels_[i].image]) continue;
      std::copy_n(place_->table.host_pixels(static_cast<int64_t>(i)),
                  pixels_[i].to.size(), pixels_[i].to.begin());
    }
    return result;
  }

 private:
  const std::shared_ptr<Place> place_;
  const size_t images_;
  const std::vector<Pixels> pixels_;
};

class CardStepKernels final : public StepKernels {
 public:
  CardStepKernels(const CardFunctions& functions, const StageSpec& spec,
                  int max_rows, at::Device device)
      : functions_(functions), device_(device), max_rows_(max_rows) {
    const int64_t size =
        int64_t{spec.channels} * spec.resolution * spec.resolution;
    for (std::shared_ptr<Place>& place : places_) {
      place = std::make_shared<Place>(max_rows, size, device);
    }
  }

  bool makes_noise() const override { return true; }

  void Begin(std::span<const NetworkRow> network_rows,
             std::span<const UpdateRow> update_rows) override {
    TORCH_CHECK(network_rows.size() <= static_cast<size_t>(max_rows_) &&
                    update_rows.size() <= network_rows.size(),
                "a step of ", network_rows.size(), " network rows and ",
                update_rows.size(), " images, and the most is ", max_rows_);
    // The card may still read the rows of a step that failed half-way.
    if (is_uploaded_) Synchronize(device_);
    is_uploaded_ = false;
    place_ = places_[next_place_];
    place_->table.Arrange(network_rows.size(), update_rows.size());
    update_rows_ = update_rows;
    if (place_->events.has_value()) {
      place_->events->begin.record(CurrentStream(device_));
    }
    std::ranges::transform(
        network_rows,
        place_->table.host_network_rows(network_rows.size()).begin(),
        [](const NetworkRow& row) { return CardRowOf(row); });
  }

  void Gather(const BatchRows& batch, const SlotPool& pool,
              const nn::UNetInput& input) override {
    if (!is_uploaded_) Upload(pool);
    CardBatch out = {};
    out.rows = place_->table.network_rows() + batch.begin;
    out.used = static_cast<int>(batch.used);
    out.count = static_cast<int>(batch.count);
    out.x = Data<float>(input.x);
    out.low_res = Data<float>(input.low_res);
    out.timestep = Data<float>(input.timestep);
    out.class_id = Data<int64_t>(input.class_id);
    out.augmentation = Data<float>(input.augmentation);
    CheckLaunch(functions_.gather(PoolOf(pool), out, NativeStream(device_)));
  }

  std::unique_ptr<PendingStep> Update(const at::Tensor& output,
                                      const SlotPool& pool) override {
    TORCH_CHECK(is_uploaded_, "a step's update comes after its gather");
    TORCH_CHECK(output.is_contiguous() && output.scalar_type() == at::kFloat,
                "a network's output is of floats, channels first");
    const CardStep step = StepOf(output);
    const CardPool card_pool = PoolOf(pool);
    CUstream_st* stream = NativeStream(device_);
    if (std::any_of(update_rows_.begin(), update_rows_.end(), IsDynamic)) {
      CheckLaunch(functions_.threshold(card_pool, step, stream));
    }
    CheckLaunch(functions_.update(card_pool, step, stream));
    std::vector<CardPendingStep::Pixels> pixels;
    for (size_t i = 0; i < update_rows_.size(); ++i) {
      if (!update_rows_[i].pixels.empty()) {
        pixels.push_back({i, update_rows_[i].pixels});
      }
    }
    place_->table.Download(static_cast<int64_t>(pixels.size()));
    auto pending = std::make_unique<CardPendingStep>(
        place_, update_rows_.size(), std::move(pixels));
    if (place_->events.has_value()) {
      place_->events->end.record(CurrentStream(device_));
    }
    // Only now: a step that failed before is repeated in its place.
    next_place_ = (next_place_ + 1) % places_.size();
    is_uploaded_ = false;
    return pending;
  }

 private:
  template <typename T>
  static T* Data(const at::Tensor& tensor) {
    return tensor.defined() ? tensor.data_ptr<T>() : nullptr;
  }

  static bool IsDynamic(const UpdateRow& row) {
    return row.line->threshold.kind == ThresholdKind::kDynamic;
  }

  static CardPool PoolOf(const SlotPool& pool) {
    CardPool out = {};
    out.x = Data<float>(pool.x);
    out.x0 = Data<float>(pool.x0);
    out.low_res = Data<float>(pool.low_res);
    out.size = static_cast<int>(pool.x.stride(0));
    out.plane = static_cast<int>(pool.x.stride(1));
    return out;
  }

  // The whole step's rows.
  void Upload(const SlotPool& pool) {
    const int64_t size = pool.x.stride(0);
    const size_t count = update_rows_.size();
    noise_ = at::Tensor();
    int32_t pixel_rows = 0;
    for (size_t i = 0; i < count; ++i) {
      const UpdateRow& row = update_rows_[i];
      CardUpdateRow out = CardRowOf(row, size);
      if (!row.pixels.empty()) out.pixel_row = pixel_rows++;
      if (row.line->adds_noise && row.noise != nullptr) {
        out.has_noise = true;
        UploadNoise(i, row.noise, pool);
      }
      place_->table.host_update_rows(count)[i] = out;
      place_->table.host_finite(count)[i] = 1;
    }
    place_->table.Upload();
    is_uploaded_ = true;
  }

  void UploadNoise(size_t image, const float* noise, const SlotPool& pool) {
    if (!noise_.defined()) {
      noise_ = at::empty(
          {static_cast<int64_t>(update_rows_.size()), pool.x.stride(0)},
          pool.x.options());
    }
    at::Tensor host = at::empty({pool.x.stride(0)}, at::kFloat);
    std::memcpy(host.mutable_data_ptr(), noise, host.nbytes());
    noise_.select(0, static_cast<int64_t>(image)).copy_(host);
  }

  CardStep StepOf(const at::Tensor& output) {
    const StepTable& table = place_->table;
    CardStep step = {};
    step.rows = table.update_rows();
    step.count = static_cast<int>(update_rows_.size());
    step.output = output.const_data_ptr<float>();
    step.output_size = output.stride(0);
    step.noise = Data<float>(noise_);
    step.limits = table.limits();
    step.finite = table.finite();
    step.pixels = table.pixels();
    return step;
  }

  const CardFunctions& functions_;
  const at::Device device_;
  const int max_rows_;
  // In turns; shared with the steps that are under way in them.
  std::array<std::shared_ptr<Place>, kMaxPendingSteps> places_;
  size_t next_place_ = 0;

  // Of the step that was begun.
  std::shared_ptr<Place> place_;
  std::span<const UpdateRow> update_rows_;
  at::Tensor noise_;  // Where rows have their own.
  bool is_uploaded_ = false;
};

}  // namespace

std::unique_ptr<StepKernels> MakeCardStepKernels(const CardFunctions& functions,
                                                 const StageSpec& spec,
                                                 int max_rows,
                                                 at::Device device) {
  return std::make_unique<CardStepKernels>(functions, spec, max_rows, device);
}

}  // namespace cascade
