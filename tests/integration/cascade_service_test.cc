#include "server/rpc/cascade_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/scripted_server.h"

namespace cascade {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CascadeServiceTest, ListsWhatAFormNeeds) {
  ScriptedServer::Options options;
  options.stages = {{.resolution = 8},
                    {.resolution = 16, .augmentation = true}};
  ScriptedServer served(options);
  v1::ListCascadesResponse response;
  ASSERT_TRUE(served.Client().ListCascades({}, response).ok());
  EXPECT_EQ(response.server().version(), "1.2.3");
  EXPECT_EQ(response.server().build(), "a build");
  EXPECT_EQ(response.server().max_image_count(), 64);
  ASSERT_EQ(response.cascades_size(), 1);
  const v1::Cascade& cascade = response.cascades(0);
  EXPECT_EQ(cascade.name(), "digits");
  EXPECT_EQ(cascade.num_classes(), 10);
  EXPECT_EQ(cascade.class_names(7), "7");
  EXPECT_TRUE(cascade.supports_unconditional());
  ASSERT_EQ(cascade.stages_size(), 2);
  const v1::Stage& stage = cascade.stages(1);
  EXPECT_EQ(stage.resolution(), 16);
  EXPECT_EQ(stage.low_resolution(), 8);
  EXPECT_THAT(stage.samplers(),
              ElementsAre(v1::SAMPLER_KIND_DDPM, v1::SAMPLER_KIND_DDIM,
                          v1::SAMPLER_KIND_DPM_SOLVER_PLUS_PLUS_2M,
                          v1::SAMPLER_KIND_HEUN, v1::SAMPLER_KIND_UNIPC_3));
  EXPECT_EQ(stage.default_sampler().steps(), 4);
  EXPECT_EQ(stage.max_steps(), 1000);
  EXPECT_TRUE(stage.supports_guidance());
  EXPECT_FALSE(stage.supports_schedule());
  ASSERT_TRUE(stage.has_augmentation());
  ASSERT_EQ(stage.augmentation().modes_size(), 2);
  EXPECT_EQ(stage.augmentation().modes(0), v1::AUGMENTATION_MODE_NON_TRUNCATED);
  EXPECT_EQ(stage.augmentation().modes(1), v1::AUGMENTATION_MODE_TRUNCATED);
  EXPECT_EQ(stage.augmentation().default_mode(),
            v1::AUGMENTATION_MODE_NON_TRUNCATED);
  EXPECT_FALSE(cascade.stages(0).has_augmentation());
}

// What would be refused where a request leaves the schedule to the package.
TEST(CascadeServiceTest, ModesAreThoseOfTheDefaultSchedule) {
  CascadeSpec spec;
  spec.stages.resize(2);
  spec.stages[1].index = 1;
  spec.stages[1].augmentation.enabled = true;
  EXPECT_THAT(ToProto(spec).stages(1).augmentation().modes(),
              ElementsAre(v1::AUGMENTATION_MODE_NON_TRUNCATED,
                          v1::AUGMENTATION_MODE_TRUNCATED));
  spec.stages[0].default_sampler.schedule = {.num_timesteps = 100};
  EXPECT_THAT(ToProto(spec).stages(1).augmentation().modes(),
              ElementsAre(v1::AUGMENTATION_MODE_NON_TRUNCATED));
}

TEST(CascadeServiceTest, DescribesOneCascade) {
  ScriptedServer served;
  v1::GetCascadeResponse response;
  ASSERT_TRUE(served.Client().GetCascade("digits", {}, response).ok());
  EXPECT_EQ(response.cascade().stages_size(), 3);
}

TEST(CascadeServiceTest, RefusesAnUnknownAndAnEmptyName) {
  ScriptedServer served;
  v1::GetCascadeResponse response;
  const CallStatus unknown = served.Client().GetCascade("x", {}, response);
  EXPECT_EQ(unknown.code, grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(unknown.message, HasSubstr("digits"));
  const CallStatus empty = served.Client().GetCascade("", {}, response);
  EXPECT_EQ(empty.code, grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_EQ(empty.fields.size(), 1u);
  EXPECT_EQ(empty.fields[0].field, "name");
}

}  // namespace
}  // namespace cascade
