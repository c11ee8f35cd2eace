# The CPU twins of the ops are compiled once for each path: the same sources for several instruction sets, one of which is chosen when the
# program runs (cpu_path.h). All else is compiled for the compiler's baseline, so that the program runs on every machine of its kind.
#
# Inline functions and templates are the trap: when two objects hold the same std::fill, the linker keeps one of them for both, and if that
# is the one with AVX-512, an older machine stops at an illegal instruction. So the objects of a path are first linked into one, in which
# every symbol is local except the table of its twins. Their code lies in a section of its own, by which tests/ops/cpu_path_sections.sh
# proves of whole programs that no instruction beyond the baseline lies anywhere else.
#
# Of each path: its bit (1 << CpuPath) and its flags.
set(cpu_path_portable 1)
set(cpu_path_avx2 2 -march=x86-64-v3)
set(cpu_path_avx512 4 -march=x86-64-v4 -mprefer-vector-width=512)
set(cpu_path_avx512bf16 8 -march=x86-64-v4 -mavx512bf16 -mprefer-vector-width=512)
set(cpu_path_native 16 -march=native)

# The way through one object needs GNU ld and objcopy. Sanitizers are left out of it: they get one path, that of the machine that builds.
execute_process(COMMAND ${CMAKE_LINKER} --version OUTPUT_VARIABLE linker ERROR_QUIET)
set(default_paths portable)
if(PEER_SANITIZE)
  set(default_paths native)
elseif(CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64 AND CMAKE_CXX_COMPILER_ID STREQUAL GNU AND linker MATCHES "GNU ld" AND CMAKE_OBJCOPY)
  set(default_paths portable avx2 avx512 avx512bf16)
endif()
set(PEER_CPU_PATHS "${default_paths}" CACHE STRING "Paths of the CPU twins: portable, avx2, avx512, avx512bf16 (several in this order), or native alone")
message(STATUS "CPU paths: ${PEER_CPU_PATHS}")

set(bits 0)
foreach(path ${PEER_CPU_PATHS})
  if(NOT DEFINED cpu_path_${path} OR (path STREQUAL native AND NOT PEER_CPU_PATHS STREQUAL native))
    message(FATAL_ERROR "PEER_CPU_PATHS=${PEER_CPU_PATHS}: expected some of portable, avx2, avx512 and avx512bf16, or native alone")
  endif()
  list(GET cpu_path_${path} 0 bit)
  math(EXPR bits "${bits} | ${bit}")
endforeach()
target_compile_definitions(peer_flags INTERFACE PEER_CPU_PATHS=${bits})   # read by cpu_path.h alone

# add_cpu_paths(TARGET SOURCES...): adds the sources to the target, once for each path. One of them defines the constant PEER_CPU_TABLE,
# which is all that others see of a path: kAvx2Twins.
function(add_cpu_paths target)
  foreach(path ${PEER_CPU_PATHS})
    string(REGEX MATCH "^(.)(.*)" whole_name ${path})
    string(TOUPPER ${CMAKE_MATCH_1} initial)
    set(table k${initial}${CMAKE_MATCH_2}Twins)
    set(flags ${cpu_path_${path}})
    list(POP_FRONT flags)
    set(objects ${target}_${path})
    add_library(${objects} OBJECT ${ARGN})
    target_link_libraries(${objects} PRIVATE peer_flags)
    # Nobody reads the flags of floating-point exceptions; keeping them right would keep selections (x > 88 ? a : b) out of vectors.
    target_compile_options(${objects} PRIVATE -fno-trapping-math ${flags})
    target_compile_definitions(${objects} PRIVATE PEER_CPU_TABLE=${table})
    if(path MATCHES "portable|native")
      target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
      continue()
    endif()
    set(script ${CMAKE_CURRENT_BINARY_DIR}/${objects}.ld)
    set(linked ${CMAKE_CURRENT_BINARY_DIR}/${objects}_linked.o)
    set(whole ${CMAKE_CURRENT_BINARY_DIR}/${objects}.o)
    file(CONFIGURE OUTPUT ${script} CONTENT "SECTIONS { .text_${path} : { *(.text .text.*) } }\n")
    add_custom_command(OUTPUT ${whole}
      COMMAND ${CMAKE_LINKER} -r --force-group-allocation -T ${script} -o ${linked} $<TARGET_OBJECTS:${objects}>
      COMMAND ${CMAKE_OBJCOPY} --wildcard "--keep-global-symbol=*${table}*" ${linked} ${whole}
      DEPENDS ${objects} $<TARGET_OBJECTS:${objects}> ${script} COMMAND_EXPAND_LISTS VERBATIM)
    target_sources(${target} PRIVATE ${whole})
    set_source_files_properties(${whole} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  endforeach()
endfunction()
