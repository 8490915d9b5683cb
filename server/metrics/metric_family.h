#pragma once

#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace cascade {

// A new family of a registry.
prometheus::Family<prometheus::Counter>& Counters(
    prometheus::Registry& registry, const char* name, const char* help);
prometheus::Family<prometheus::Gauge>& Gauges(prometheus::Registry& registry,
                                              const char* name,
                                              const char* help);
prometheus::Family<prometheus::Histogram>& Histograms(
    prometheus::Registry& registry, const char* name, const char* help);

// Upper bounds in seconds, each twice the one before.
prometheus::Histogram::BucketBoundaries EncodeBuckets();   // 0.1 ms .. 0.8 s
prometheus::Histogram::BucketBoundaries StepBuckets();     // 0.25 ms .. 33 s
prometheus::Histogram::BucketBoundaries WaitBuckets();     // 1 ms .. 9 min
prometheus::Histogram::BucketBoundaries RequestBuckets();  // 10 ms .. 11 min

}  // namespace cascade
