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

# What makes a mistake of ours harder to use; tools/lint/hardening.py looks at the result. Debian's own flags, which a
# package is built with as well, come first and say no more than these.
include(CheckCXXCompilerFlag)
include(CheckPIESupported)
check_pie_supported()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(hardening -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -mbranch-protection=standard
              -Wformat -Wformat-security)
if(NOT SDWDATE_SANITIZE)
  # Would hide from the sanitizers what was never written; with them, g++ 12 also warns falsely inside fmt.
  list(APPEND hardening -ftrivial-auto-var-init=zero)
endif()
foreach(flag IN LISTS hardening)
  string(MAKE_C_IDENTIFIER "SDWDATE_HAS${flag}" known)
  check_cxx_compiler_flag(${flag} ${known})
  if(${known})
    add_compile_options(${flag})
  endif()
endforeach()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)
if(NOT SDWDATE_SANITIZE)
  # Nothing without optimisation, and in the way of the sanitizers' own checks.
  add_compile_options($<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
endif()

if(SDWDATE_SANITIZE)
  add_compile_definitions(SDWDATE_SANITIZED)
  add_compile_options(-fsanitize=${SDWDATE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SDWDATE_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL Clang AND SDWDATE_SANITIZE MATCHES address AND NOT SDWDATE_FUZZ)
    # Its runtime as a library of its own, which libfaketime can be loaded before.
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-file-name=libclang_rt.asan-x86_64.so
                    OUTPUT_VARIABLE runtime OUTPUT_STRIP_TRAILING_WHITESPACE)
    cmake_path(GET runtime PARENT_PATH runtime)
    add_link_options(-shared-libsan -Wl,-rpath,${runtime})
  endif()
endif()
if(SDWDATE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
