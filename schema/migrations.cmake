# cmake -DOUT=FILE -P migrations.cmake: NNN_*.sql beside this file as C strings,
# for coordinator/store/migrations.h. As numbers: the standard promises no
# longer string literals than 4,095 bytes.
file(GLOB files ${CMAKE_CURRENT_LIST_DIR}/[0-9][0-9][0-9]_*.sql)
list(SORT files)
set(arrays "")
set(names "")
foreach(file ${files})
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND arrays "static const char m${name}[] = {${bytes}0};\n")
  string(APPEND names "    m${name},\n")
endforeach()
list(LENGTH files count)
file(WRITE ${OUT} "#include \"coordinator/store/migrations.h\"\n\n${arrays}
const char *const fst_migrations[] = {\n${names}};
const int fst_migrations_count = ${count};\n")
