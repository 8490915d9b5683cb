#include "server/server.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "models/cascade_model.h"
#include "models/control_group.h"
#include "server/base/error_reason.h"
#include "server/base/status_macros.h"
#include "server/encode/image_encoder.h"

namespace cascade {
namespace {

int NumCores() {
  return CoresOfProcess(
      "/", std::max(1, static_cast<int>(std::thread::hardware_concurrency())));
}

// The status with `where` before its message.
absl::Status Annotated(const absl::Status& status, const std::string& where) {
  return absl::Status(status.code(),
                      absl::StrCat(where, ": ", status.message()));
}

GrpcServer::Options GrpcOptions(const Options& options) {
  GrpcServer::Options grpc;
  grpc.listen = options.listen;
  grpc.max_receive_message_bytes = options.max_receive_message_bytes;
  grpc.max_concurrent_streams = options.max_concurrent_streams;
  grpc.keepalive_time = options.keepalive_time;
  grpc.keepalive_timeout = options.keepalive_timeout;
  grpc.min_client_ping_interval = options.min_client_ping_interval;
  grpc.max_connection_age = options.max_connection_age;
  grpc.max_connection_age_grace = options.max_connection_age_grace;
  grpc.images.limits.max_image_count = options.max_images_per_request;
  grpc.images.limits.max_upload_pixels = options.max_upload_pixels;
  grpc.images.reader_stall_timeout = options.reader_stall_timeout;
  grpc.images.identity.version = CASCADE_VERSION;
  grpc.images.identity.build = BuildDescription();
  grpc.images.identity.reproducibility = options.reproducibility;
  return grpc;
}

int64_t MaxStepBytes(const Options& options) {
  return int64_t{options.max_step_mib} << 20;
}

Scheduler::Options SchedulerOptions(const Options& options,
                                    const Pipeline& pipeline) {
  Scheduler::Options scheduler;
  scheduler.num_lanes = pipeline.num_lanes();
  scheduler.lane_devices = pipeline.devices();
  scheduler.max_images_per_request = options.max_images_per_request;
  scheduler.tenants = options.tenants;
  scheduler.policy = options.policy;
  scheduler.priority_ageing = options.priority_ageing;
  scheduler.inbox_capacity = options.stage_inbox;
  scheduler.max_step_bytes = MaxStepBytes(options);
  return scheduler;
}

CascadeHost::Options HostOptions(const Options& options) {
  return {.max_batch_rows = options.max_batch_rows,
          .slots = options.slots,
          .max_queued_images = options.max_queued_images,
          .configured = options.cascades};
}

}  // namespace

Server::Environment Server::RealEnvironment(const Options& options,
                                            std::function<void()> on_failure) {
  const auto read_package =
      [mode = options.reproducibility,
       precision = options.precision](const CascadeSource& source) {
        return LoadCascade(source.package,
                           {.name = source.name,
                            .max_batch_rows = *source.max_batch_rows,
                            .slots_per_executor = *source.slots,
                            .reproducibility = mode,
                            .precision = precision});
      };
  return {.read_package = read_package,
          .memory_of = MemoryOf,
          .on_failure = std::move(on_failure)};
}

absl::StatusOr<std::unique_ptr<Server>> Server::Create(
    const Options& options, Environment environment) {
  std::unique_ptr<Server> server(new Server(options, std::move(environment)));
  RETURN_IF_ERROR(server->StartEngine());
  RETURN_IF_ERROR(server->StartHttp());
  RETURN_IF_ERROR(server->Load());
  RETURN_IF_ERROR(server->StartPorts());
  return server;
}

Server::Server(const Options& options, Environment environment)
    : options_(options),
      environment_(std::move(environment)),
      metrics_(BuildDescription()),
      logger_({.level = options.log_level, .format = options.log_format},
              *environment_.clock),
      encoder_(std::make_unique<ImageEncoder>(metrics_)),
      encoding_(options.encode_threads),
      decoding_(/*num_threads=*/1) {}

Server::~Server() {
  Drain(absl::ZeroDuration());
  http_.reset();
  watchdog_.reset();
  admin_.reset();
  grpc_.reset();
  pipeline_.reset();  // Joins the lanes, which use the scheduler.
}

absl::Status Server::StartEngine() {
  absl::StatusOr<std::unique_ptr<Pipeline>> pipeline =
      Pipeline::Create({.lanes = ExpandLanes(options_.lanes, NumCores()),
                        .memory_limit = options_.memory_limit,
                        .max_step_bytes = MaxStepBytes(options_)},
                       environment_.memory_of, metrics_);
  if (!pipeline.ok()) return Annotated(pipeline.status(), "--lanes");
  pipeline_ = *std::move(pipeline);
  scheduler_ = std::make_unique<Scheduler>(
      SchedulerOptions(options_, *pipeline_),
      Scheduler::Collaborators{
          .clock = *environment_.clock,
          .encoder = *encoder_,
          .encoding = encoding_,
          .metrics = metrics_,
          .on_device_lost = [this](const absl::Status& why) {
            OnDeviceLost(why);
          }});
  host_ = std::make_unique<CascadeHost>(
      HostOptions(options_),
      CascadeHost::Collaborators{
          .read_package = environment_.read_package,
          .on_name =
              [this](const std::string& name, bool serves) {
                if (grpc_ != nullptr) grpc_->SetCascade(name, serves);
              },
          .pipeline = *pipeline_,
          .scheduler = *scheduler_,
          .clock = *environment_.clock,
          .metrics = metrics_,
          .logger = logger_});
  pipeline_->Run(*scheduler_);
  return absl::OkStatus();
}

absl::Status Server::StartHttp() {
  if (options_.http_listen.empty()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<HttpPort>> http = HttpPort::Create(
      options_.http_listen, {.is_alive = [this] { return !hangs(); },
                             .is_ready = [this] { return IsReady(); },
                             .metrics = [this] { return MetricsText(); }});
  if (!http.ok()) return Annotated(http.status(), "--http_listen");
  http_ = *std::move(http);
  logger_.Log(LogLevel::kInfo, "http_listening",
              {{"address", http_->address()}});
  return absl::OkStatus();
}

absl::Status Server::Load() {
  for (const CascadeSource& source : options_.cascades) {
    const absl::Status status = host_->Load({.source = source}).status();
    if (!status.ok()) {
      return Annotated(
          status, absl::StrCat("--cascade ", source.name, "=", source.package));
    }
  }
  return absl::OkStatus();
}

absl::Status Server::StartPorts() {
  absl::StatusOr<std::unique_ptr<GrpcServer>> grpc = GrpcServer::Create(
      GrpcOptions(options_), *scheduler_, decoding_, metrics_, logger_);
  if (!grpc.ok()) return Annotated(grpc.status(), "--listen");
  grpc_ = *std::move(grpc);
  watchdog_ = std::make_unique<Watchdog>(
      options_.lane_stall_limit, [this] { return scheduler_->LongestPlan(); },
      [this](bool is_alive, absl::Duration longest) {
        OnLiveness(is_alive, longest);
      });
  if (!options_.admin_listen.empty()) {
    absl::StatusOr<std::unique_ptr<AdminServer>> admin =
        AdminServer::Create(options_.admin_listen, *host_, metrics_, logger_);
    if (!admin.ok()) return Annotated(admin.status(), "--admin_listen");
    admin_ = *std::move(admin);
    logger_.Log(LogLevel::kInfo, "admin_listening",
                {{"address", admin_->address()}});
  }
  grpc_->SetServing(true);
  SetReady(true);
  // Who waits for the server's first line finds the addresses in the log.
  logger_.Flush(absl::Now() + environment_.last_words);
  return absl::OkStatus();
}

void Server::OnDeviceLost(const absl::Status& why) {
  logger_.Log(LogLevel::kError, "device_lost", {{"why", why.message()}});
  {
    MutexLock lock(mutex_);
    ready_ = false;
    lost_.Update(absl::UnavailableError(
        absl::StrCat("a device is lost: ", why.message())));
  }
  environment_.on_failure();
}

void Server::OnLiveness(bool is_alive, absl::Duration longest) {
  logger_.Log(is_alive ? LogLevel::kInfo : LogLevel::kError,
              is_alive ? "lane_moves" : "lane_hangs", {{"longest", longest}});
  {
    MutexLock lock(mutex_);
    stalled_ = is_alive ? std::nullopt : std::make_optional(longest);
  }
  grpc_->SetHealth(kLivenessHealthName, is_alive);
}

void Server::Drain(absl::Duration timeout) {
  SetReady(false);
  if (scheduler_ == nullptr || drained_) return;
  drained_ = true;
  if (grpc_ != nullptr) grpc_->SetServing(false);
  host_->Drain();
  scheduler_->Drain();
  const absl::Time end = absl::Now() + timeout;
  // Jobs first, and then what their clients have not taken yet.
  const bool all_ended = scheduler_->WaitUntilIdle(end) &&
                         (grpc_ == nullptr || grpc_->WaitUntilNoStreams(end));
  scheduler_->Shutdown();
  const absl::Time last = absl::Now() + environment_.last_words;
  if (grpc_ != nullptr) grpc_->Shutdown(last);
  const bool no_load = admin_ == nullptr || admin_->Shutdown(last);
  is_down_ = EndLanes(last) && no_load;
  logger_.Log(LogLevel::kInfo, "drained",
              {{"all_ended", all_ended}, {"is_down", is_down_}});
  // The process may end without the destructor; and who takes the log may take
  // nothing any more.
  is_down_ &= logger_.Flush(absl::Now() + environment_.last_words);
}

bool Server::EndLanes(absl::Time deadline) {
  watchdog_.reset();  // From here on this is who knows.
  const bool ended = pipeline_->WaitUntilEnded(deadline);
  const absl::Duration longest = scheduler_->LongestPlan();
  MutexLock lock(mutex_);
  stalled_ = ended ? std::nullopt : std::make_optional(longest);
  return ended;
}

absl::Status Server::failure() const {
  MutexLock lock(mutex_);
  if (!lost_.ok() || !stalled_.has_value()) return lost_;
  return absl::InternalError(absl::StrCat("a lane hangs in a step: for ",
                                          absl::FormatDuration(*stalled_)));
}

bool Server::hangs() const {
  MutexLock lock(mutex_);
  return stalled_.has_value();
}

bool Server::IsReady() const {
  MutexLock lock(mutex_);
  return ready_;
}

void Server::SetReady(bool ready) {
  MutexLock lock(mutex_);
  ready_ = ready && lost_.ok();
}

std::string Server::MetricsText() {
  scheduler_->ReportLoad();
  metrics_.state().SetReady(IsReady());
  metrics_.state().SetLogLinesDropped(logger_.lines_dropped());
  return metrics_.Text();
}

}  // namespace cascade
