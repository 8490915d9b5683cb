#include "server/metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

namespace cascade {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

// What is needed of /proc/self/stat (proc(5)).
struct ProcessStat {
  double threads = 0;
  double start_ticks = 0;  // After the boot.
  double virtual_bytes = 0;
  double resident_pages = 0;
};

// False: it is not there.
bool ReadStat(ProcessStat& stat) {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // The second field is the command in brackets, and may hold anything.
  const size_t end_of_command = text.rfind(')');
  if (end_of_command == std::string::npos) return false;
  std::istringstream fields(text.substr(end_of_command + 1));
  std::string skipped;
  for (int field = 3; field < 20; ++field) fields >> skipped;
  fields >> stat.threads >> skipped >> stat.start_ticks >> stat.virtual_bytes >>
      stat.resident_pages;
  return !fields.fail();
}

// Of the machine's boot, since the epoch; 0: not known.
double BootSeconds() {
  std::ifstream file("/proc/stat");
  std::string key;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    double seconds = 0;
    if (words >> key >> seconds && key == "btime") return seconds;
  }
  return 0;
}

double StartSeconds() {
  const double boot = BootSeconds();
  ProcessStat stat;
  if (boot == 0 || !ReadStat(stat)) return 0;
  return boot + stat.start_ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         static_cast<double>(time.tv_usec) * 1e-6;
}

// Open files; below 0: not known.
double OpenFiles() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return -1;
  // One of them is the listing's own.
  return static_cast<double>(std::distance(begin(files), end(files))) - 1;
}

MetricFamily One(MetricType type, const char* name, const char* help,
                 double value) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  metric.gauge.value = metric.counter.value = value;
  return family;
}

}  // namespace

ProcessMetrics::ProcessMetrics() : start_seconds_(StartSeconds()) {}

std::vector<MetricFamily> ProcessMetrics::Collect() const {
  std::vector<MetricFamily> families;
  const auto gauge = [&families](const char* name, const char* help,
                                 double value) {
    families.push_back(One(MetricType::Gauge, name, help, value));
  };
  rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    families.push_back(One(MetricType::Counter, "process_cpu_seconds_total",
                           "CPU time, user and system.",
                           Seconds(usage.ru_utime) + Seconds(usage.ru_stime)));
  }
  if (ProcessStat stat; ReadStat(stat)) {
    gauge("process_resident_memory_bytes", "Memory that is resident.",
          stat.resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
    gauge("process_virtual_memory_bytes", "Address space in use.",
          stat.virtual_bytes);
    gauge("process_threads", "Threads.", stat.threads);
  }
  if (const double open = OpenFiles(); open >= 0) {
    gauge("process_open_fds", "Open file descriptors.", open);
  }
  if (rlimit limit = {}; getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    gauge("process_max_fds", "Open file descriptors at most.",
          static_cast<double>(limit.rlim_cur));
  }
  if (start_seconds_ > 0) {
    gauge("process_start_time_seconds",
          "When the process began, in seconds since the epoch.",
          start_seconds_);
  }
  return families;
}

}  // namespace cascade
