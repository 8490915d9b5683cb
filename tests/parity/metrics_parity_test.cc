#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "models/evaluation/frechet_distance.h"
#include "models/evaluation/inception_score.h"
#include "models/evaluation/kernel_distance.h"
#include "models/evaluation/precision_recall.h"
#include "models/weights/safetensors.h"

namespace cascade {
namespace {

// Features and what torch-fidelity 0.4.0 and pytorch-fid 0.3.0 say about them:
// made by record_metrics.py.
class MetricsParityTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto file = SafetensorsFile::Read(CASCADE_SOURCE_DIR
                                      "/tests/parity/metrics.safetensors");
    ASSERT_TRUE(file.ok()) << file.status();
    file_ = std::make_unique<SafetensorsFile>(*std::move(file));
  }

  template <typename Value>
  std::vector<Value> Values(const std::string& name,
                            std::vector<int64_t>* shape) const {
    const TensorView view = file_->Get(name).value();
    std::vector<Value> values(view.bytes.size() / sizeof(Value));
    std::memcpy(values.data(), view.bytes.data(), view.bytes.size());
    *shape = view.shape;
    return values;
  }

  double Recorded(const std::string& name) const {
    std::vector<int64_t> shape;
    return Values<double>(name, &shape).at(0);
  }

  FeatureSet Features(const std::string& name) const {
    std::vector<int64_t> shape;
    FeatureSet set;
    set.features = Values<float>(name, &shape);
    set.count = shape.at(0);
    set.dimensions = static_cast<int>(shape.at(1));
    return set;
  }

  static void ExpectClose(const char* what, double ours, double theirs,
                          double relative) {
    const double error = std::abs(ours - theirs) / std::abs(theirs);
    std::printf("%-22s ours %.10g, theirs %.10g, relative %.1e\n", what, ours,
                theirs, error);
    EXPECT_LE(error, relative) << what;
  }

  std::unique_ptr<SafetensorsFile> file_;
};

Moments MomentsOf(const FeatureSet& set) {
  Moments moments(set.dimensions);
  EXPECT_TRUE(moments.Add(set.features).ok());
  return moments;
}

TEST_P(MetricsParityTest, AgreesOnTwoSetsOfFeatures) {
  const std::string name = GetParam();
  const FeatureSet first = Features(name + ".first");
  const FeatureSet second = Features(name + ".second");

  const auto fid = FrechetDistance(MomentsOf(first), MomentsOf(second));
  ASSERT_TRUE(fid.ok()) << fid.status();
  ExpectClose("FID, torch-fidelity", *fid,
              Recorded(name + ".fid_torch_fidelity"), 1e-4);
  ExpectClose("FID, pytorch-fid", *fid, Recorded(name + ".fid_pytorch_fid"),
              1e-4);

  const auto kid = MeasureKernelDistance(first, second, {});
  ASSERT_TRUE(kid.ok()) << kid.status();
  ExpectClose("KID, torch-fidelity", kid->mean, Recorded(name + ".kid"), 1e-6);

  // Counted images: a tenth of one is the recording's float.
  const auto shares = MeasurePrecisionRecall(first, second);
  ASSERT_TRUE(shares.ok()) << shares.status();
  const double tenth = 0.1 / static_cast<double>(first.count);
  EXPECT_NEAR(shares->precision, Recorded(name + ".precision"), tenth);
  EXPECT_NEAR(shares->recall, Recorded(name + ".recall"), tenth);
}

INSTANTIATE_TEST_SUITE_P(Sets, MetricsParityTest,
                         testing::Values("gaussian", "rectified", "few"));

TEST_F(MetricsParityTest, AgreesOnTheInceptionScore) {
  std::vector<int64_t> shape;
  FeatureSet set;
  set.probabilities = Values<float>("probabilities", &shape);
  set.count = shape.at(0);
  set.classes = static_cast<int>(shape.at(1));
  const auto score = MeasureInceptionScore(set, 1, 0);
  ASSERT_TRUE(score.ok()) << score.status();
  ExpectClose("IS, torch-fidelity", score->mean, Recorded("inception_score"),
              1e-5);
}

}  // namespace
}  // namespace cascade
