# How every file of ours is compiled.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

add_library(sdwdate_flags INTERFACE)
# A broken invariant ends the process instead of going on with nonsense.
add_compile_definitions(_GLIBCXX_ASSERTIONS)
target_compile_options(sdwdate_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow
                                              $<$<BOOL:${SDWDATE_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # When it inlines Asio's coroutine frames, g++ 12 takes their recycling allocator for a mismatch and their members
  # for uninitialised. clang, which builds the same files in ./dev check, has neither false alarm.
  target_compile_options(sdwdate_flags INTERFACE -Wno-mismatched-new-delete -Wno-maybe-uninitialized)
endif()

if(SDWDATE_SANITIZE)
  add_compile_options(-fsanitize=${SDWDATE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SDWDATE_SANITIZE})
endif()
if(SDWDATE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
