#pragma once

// Precompiled for the libraries that see gRPC.
#include <grpcpp/grpcpp.h>

#include "cascade/v1/admin_service.grpc.pb.h"
#include "cascade/v1/cascade_service.grpc.pb.h"
#include "cascade/v1/image_generation_service.grpc.pb.h"
