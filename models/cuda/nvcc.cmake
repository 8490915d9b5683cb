# Makes CUDA a language of the project; included at the top, as CMake asks. For kernels only: no device linking.
#
# CASCADE_CUDA_ROOT is a CUDA toolkit, or the folder nvidia/cu13 of NVIDIA's wheels.
if(NOT CASCADE_CUDA_ROOT)
  if(DEFINED ENV{CASCADE_CUDA_ROOT})
    set(CASCADE_CUDA_ROOT $ENV{CASCADE_CUDA_ROOT})
  else()
    set(CASCADE_CUDA_ROOT $ENV{HOME}/.cache/cascade/cuda-compiler-13.0.88/nvidia/cu13)
  endif()
endif()
if(NOT EXISTS ${CASCADE_CUDA_ROOT}/bin/nvcc)
  message(FATAL_ERROR "CASCADE_CUDA is on, and there is no CUDA compiler in '${CASCADE_CUDA_ROOT}' (looked for "
      "bin/nvcc). ./test installs NVIDIA's wheels; or set CASCADE_CUDA_ROOT to a CUDA toolkit.")
endif()
set(CMAKE_CUDA_COMPILER ${CASCADE_CUDA_ROOT}/bin/nvcc)
set(CMAKE_CUDA_HOST_COMPILER ${CMAKE_CXX_COMPILER})
# The wheels' libraries are in lib, where nvcc does not look; CMake's trial of the compiler links them.
set(CMAKE_CUDA_FLAGS_INIT -L${CASCADE_CUDA_ROOT}/lib)
# A100, H100 and H200, B200; any later card compiles the last one's PTX.
set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 100)
# LibTorch brings the runtime.
set(CMAKE_CUDA_RUNTIME_LIBRARY None)
set(CMAKE_CUDA_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
enable_language(CUDA)
# The latest that CMake 3.25 knows of nvcc.
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
