#include "server/metrics/metric_family.h"

namespace cascade {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

Histogram::BucketBoundaries Doubling(double first, int count) {
  Histogram::BucketBoundaries bounds;
  for (int i = 0; i < count; ++i, first *= 2) bounds.push_back(first);
  return bounds;
}

}  // namespace

Family<Counter>& Counters(Registry& registry, const char* name,
                          const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

Family<Gauge>& Gauges(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

Family<Histogram>& Histograms(Registry& registry, const char* name,
                              const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

Histogram::BucketBoundaries EncodeBuckets() { return Doubling(0.0001, 14); }
Histogram::BucketBoundaries StepBuckets() { return Doubling(0.00025, 18); }
Histogram::BucketBoundaries WaitBuckets() { return Doubling(0.001, 20); }
Histogram::BucketBoundaries RequestBuckets() { return Doubling(0.01, 17); }

}  // namespace cascade
