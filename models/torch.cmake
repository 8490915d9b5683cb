# The one file that knows where LibTorch is. Makes the imported target cascade_torch.
#
# CASCADE_TORCH_ROOT is a folder with include/ and lib/: the `torch` folder of the PyPI wheel, or an official
# libtorch folder. `find_package(Torch)` is not used: a CUDA wheel's config insists on a CUDA toolkit.
if(NOT CASCADE_TORCH_ROOT)
  if(DEFINED ENV{CASCADE_TORCH_ROOT})
    set(CASCADE_TORCH_ROOT $ENV{CASCADE_TORCH_ROOT})
  else()
    set(CASCADE_TORCH_ROOT $ENV{HOME}/.cache/cascade/libtorch-2.11.0/torch)
  endif()
endif()
if(NOT EXISTS ${CASCADE_TORCH_ROOT}/lib/libtorch_cpu.so)
  message(FATAL_ERROR "No LibTorch in '${CASCADE_TORCH_ROOT}' (looked for lib/libtorch_cpu.so). "
      "Run ./serve --build-only, which installs the wheel, or set CASCADE_TORCH_ROOT to a libtorch folder.")
endif()

add_library(cascade_torch INTERFACE IMPORTED GLOBAL)
target_include_directories(cascade_torch SYSTEM INTERFACE
    ${CASCADE_TORCH_ROOT}/include ${CASCADE_TORCH_ROOT}/include/torch/csrc/api/include)
# Full paths, so that CMake puts the folder into the binaries' RPATH.
target_link_libraries(cascade_torch INTERFACE
    ${CASCADE_TORCH_ROOT}/lib/libtorch_cpu.so ${CASCADE_TORCH_ROOT}/lib/libc10.so)

# A wheel finds its CUDA libraries in the sibling folder nvidia/ (its own RPATH says so, for run time); an
# official CUDA libtorch brings its own.
set(cascade_nvidia ${CASCADE_TORCH_ROOT}/../nvidia/cu13)
if(EXISTS ${cascade_nvidia}/lib)
  target_link_options(cascade_torch INTERFACE -Wl,-rpath-link,${cascade_nvidia}/lib)
endif()

# What the few sources that call CUDA see; empty in a CPU build.
add_library(cascade_cuda INTERFACE)
if(CASCADE_CUDA)
  if(NOT EXISTS ${CASCADE_TORCH_ROOT}/lib/libtorch_cuda.so)
    message(FATAL_ERROR "CASCADE_CUDA is on, but '${CASCADE_TORCH_ROOT}' is a CPU-only LibTorch.")
  endif()
  target_compile_definitions(cascade_cuda INTERFACE CASCADE_CUDA=1)
  if(EXISTS ${cascade_nvidia}/include)
    target_include_directories(cascade_cuda SYSTEM INTERFACE ${cascade_nvidia}/include)
  endif()
  # Our kernels' objects call the runtime; it is to be the one that LibTorch loads.
  file(GLOB cascade_cudart ${cascade_nvidia}/lib/libcudart.so.* ${CASCADE_TORCH_ROOT}/lib/libcudart*.so*)
  if(NOT cascade_cudart)
    message(FATAL_ERROR "CASCADE_CUDA is on, and there is no libcudart beside '${CASCADE_TORCH_ROOT}'.")
  endif()
  list(GET cascade_cudart 0 cascade_cudart)
  target_link_libraries(cascade_cuda INTERFACE ${cascade_cudart})
  # --no-as-needed: registration happens in static initialisers, so nothing refers to libtorch_cuda by name.
  # The wheel's other CUDA libraries are needed at run time only.
  target_link_libraries(cascade_torch INTERFACE
      -Wl,--no-as-needed ${CASCADE_TORCH_ROOT}/lib/libtorch_cuda.so ${CASCADE_TORCH_ROOT}/lib/libc10_cuda.so
      -Wl,--as-needed)
  target_link_options(cascade_torch INTERFACE -Wl,--unresolved-symbols=ignore-in-shared-libs)
endif()
