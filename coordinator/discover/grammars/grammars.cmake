# tree-sitter and its grammars, as C sources from npm: pinned by version and
# integrity in package-lock.json, fetched at configure time into the build
# folder, with scripts off. One folder serves all presets.
set(GRAMMARS_SOURCE ${CMAKE_CURRENT_LIST_DIR})
set(GRAMMARS ${CMAKE_SOURCE_DIR}/build/grammars)

file(SHA256 ${GRAMMARS_SOURCE}/package-lock.json grammars_lock)
# Presets may be configured at the same time; the second one waits and finds
# what the first one fetched.
file(LOCK ${GRAMMARS}/lock GUARD FILE TIMEOUT 600)
if(EXISTS ${GRAMMARS}/fetched AND EXISTS ${GRAMMARS}/node_modules)
  file(READ ${GRAMMARS}/fetched grammars_fetched)
endif()
if(NOT "${grammars_fetched}" STREQUAL "${grammars_lock}")
  file(REMOVE ${GRAMMARS}/fetched)
  file(COPY ${GRAMMARS_SOURCE}/package.json ${GRAMMARS_SOURCE}/package-lock.json
       DESTINATION ${GRAMMARS})
  # Debian's npm 9.2 refuses toml's peer range without --legacy-peer-deps.
  execute_process(
    COMMAND npm ci --ignore-scripts --legacy-peer-deps --no-audit --no-fund
    WORKING_DIRECTORY ${GRAMMARS}
    OUTPUT_QUIET ERROR_VARIABLE npm_error RESULT_VARIABLE npm_result)
  if(NOT npm_result EQUAL 0)
    message(FATAL_ERROR "npm ci in ${GRAMMARS} failed (is npm installed?): ${npm_error}")
  endif()
  file(WRITE ${GRAMMARS}/fetched ${grammars_lock})
endif()

set(TS ${GRAMMARS}/node_modules/tree-sitter/vendor/tree-sitter/lib)
add_library(ts_core STATIC ${TS}/src/lib.c)
target_include_directories(ts_core SYSTEM PUBLIC ${TS}/include PRIVATE ${TS}/src)
target_compile_definitions(ts_core PRIVATE _DEFAULT_SOURCE _POSIX_C_SOURCE=200112L)

function(ts_grammar name folder)
  add_library(ts_${name} STATIC ${folder}/src/parser.c ${folder}/src/scanner.c)
  target_include_directories(ts_${name} SYSTEM PRIVATE ${folder}/src)
endfunction()
ts_grammar(python ${GRAMMARS}/node_modules/tree-sitter-python)
ts_grammar(toml ${GRAMMARS}/node_modules/@tree-sitter-grammars/tree-sitter-toml)
foreach(target ts_core ts_python ts_toml)
  target_compile_options(${target} PRIVATE -w -O2)
endforeach()
