#include "server/server.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/status_macros.h"
#include "server/encode/image_encoder.h"

namespace cascade {
namespace {

// Time for the last words to reach the clients after the engine has ended.
constexpr absl::Duration kLastWords = absl::Seconds(5);

int NumCores() {
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
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
  grpc.images.reader_stall_timeout = options.reader_stall_timeout;
  grpc.images.identity.version = CASCADE_VERSION;
  grpc.images.identity.build = BuildDescription();
  grpc.images.identity.reproducibility = options.reproducibility;
  return grpc;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Create(const Options& options) {
  std::unique_ptr<Server> server(new Server(options));
  RETURN_IF_ERROR(server->StartHttp());
  RETURN_IF_ERROR(server->Load());
  RETURN_IF_ERROR(server->StartEngine());
  RETURN_IF_ERROR(server->StartPorts());
  return server;
}

Server::Server(const Options& options)
    : options_(options),
      metrics_(BuildDescription()),
      logger_(options.log_level, RealClock()),
      encoder_(std::make_unique<ImageEncoder>(metrics_)),
      encoding_(options.encode_threads) {}

Server::~Server() {
  Drain(absl::ZeroDuration());
  http_.reset();
  grpc_.reset();
  pipeline_.reset();  // Joins the lanes, which use the scheduler.
}

absl::Status Server::StartHttp() {
  if (options_.http_listen.empty()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<HttpPort>> http = HttpPort::Create(
      options_.http_listen, {.is_ready = [this] { return IsReady(); },
                             .metrics = [this] { return MetricsText(); }});
  if (!http.ok()) return Annotated(http.status(), "--http_listen");
  http_ = *std::move(http);
  logger_.Log(LogLevel::kInfo, "http_listening",
              {{"address", http_->address()}});
  return absl::OkStatus();
}

absl::Status Server::Load() {
  for (const CascadeSource& source : options_.cascades) {
    const absl::Time start = absl::Now();
    absl::StatusOr<std::unique_ptr<CascadeModel>> model = LoadCascade(
        source.package, {.name = source.name,
                         .max_batch_rows = options_.max_batch_rows,
                         .slots_per_executor = options_.slots,
                         .reproducibility = options_.reproducibility});
    if (!model.ok()) {
      return Annotated(model.status(), absl::StrCat("--cascade ", source.name,
                                                    "=", source.package));
    }
    const CascadeSpec& spec = (*model)->spec();
    metrics_.SetCascade(spec.name, spec.digest);
    logger_.Log(LogLevel::kInfo, "cascade_loaded",
                {{"cascade", spec.name},
                 {"digest", spec.digest},
                 {"stages", spec.stages.size()},
                 {"took", absl::Now() - start}});
    models_.push_back(*std::move(model));
  }
  return absl::OkStatus();
}

absl::Status Server::StartEngine() {
  const int num_lanes =
      static_cast<int>(ExpandLanes(options_.lanes, NumCores()).size());
  ASSIGN_OR_RETURN(pipeline_, Pipeline::Create(models_, num_lanes, metrics_));
  Scheduler::Options options;
  options.num_lanes = num_lanes;
  options.max_images_per_request = options_.max_images_per_request;
  scheduler_ = std::make_unique<Scheduler>(
      options, Scheduler::Collaborators{.clock = RealClock(),
                                        .encoder = *encoder_,
                                        .encoding = encoding_,
                                        .metrics = metrics_,
                                        .logger = logger_});
  CascadeId next_id = 0;
  for (ServedCascade cascade : pipeline_->cascades()) {
    cascade.queue.max_queued_images = options_.max_queued_images;
    scheduler_->AddCascade(next_id++, std::move(cascade));
  }
  pipeline_->Run(*scheduler_);
  MutexLock lock(mutex_);
  loaded_ = scheduler_.get();
  return absl::OkStatus();
}

absl::Status Server::StartPorts() {
  absl::StatusOr<std::unique_ptr<GrpcServer>> grpc = GrpcServer::Create(
      GrpcOptions(options_), *scheduler_, encoding_, metrics_, logger_);
  if (!grpc.ok()) return Annotated(grpc.status(), "--listen");
  grpc_ = *std::move(grpc);
  grpc_->SetServing(true);
  SetReady(true);
  return absl::OkStatus();
}

void Server::Drain(absl::Duration timeout) {
  SetReady(false);
  if (scheduler_ == nullptr || drained_) return;
  drained_ = true;
  if (grpc_ != nullptr) grpc_->SetServing(false);
  scheduler_->Drain();
  const absl::Time end = absl::Now() + timeout;
  // Jobs first, and then what their clients have not taken yet.
  const bool all_ended = scheduler_->WaitUntilIdle(end) &&
                         (grpc_ == nullptr || grpc_->WaitUntilNoStreams(end));
  scheduler_->Shutdown();
  if (grpc_ != nullptr) grpc_->Shutdown(absl::Now() + kLastWords);
  logger_.Log(LogLevel::kInfo, "drained", {{"all_ended", all_ended}});
}

bool Server::IsReady() const {
  MutexLock lock(mutex_);
  return ready_;
}

void Server::SetReady(bool ready) {
  MutexLock lock(mutex_);
  ready_ = ready;
}

std::string Server::MetricsText() const {
  Scheduler* scheduler = nullptr;
  {
    MutexLock lock(mutex_);
    scheduler = loaded_;
  }
  if (scheduler != nullptr) scheduler->ReportLoad();
  return metrics_.Text();
}

}  // namespace cascade
