# SPDX-License-Identifier: MIT
# The build as reports tell it: looked at in every run of make, rewritten only when something changed.

# A tarball carries REVISION. It comes first, and git is asked about our own repository alone: a tarball unpacked
# within another project's checkout must not tell that project's revision as ours.
nrb_revision = $$(cat $(srcdir)/REVISION 2>/dev/null || { test -e $(srcdir)/.git && \
	GIT_OPTIONAL_LOCKS=0 git -C $(srcdir) describe --always --dirty --tags 2>/dev/null; } || echo unknown)
nrb_c_string = $(SED) 's/[\\"]/\\&/g; s/.*/"&"/'

BUILT_SOURCES += stress/build_info.h
CLEANFILES += stress/build_info.h
# Before any object, but no reason to make one anew: that is for the dependencies that the compiler tells.
$(stress_libstress_la_OBJECTS): | stress/build_info.h

# Nothing has this name, so make takes it as news each time.
build-info-always:
stress/build_info.h: build-info-always
	@$(MKDIR_P) stress
	@{ echo '/* Made by make: the build as reports tell it. */'; \
	echo "#define NRB_REVISION $$(echo "$(nrb_revision)" | $(nrb_c_string))"; \
	echo "#define NRB_COMPILER $$(echo "$$($(CC) --version 2>/dev/null | $(SED) -n 1p)" | $(nrb_c_string))"; \
	printf '#define NRB_COMPILER_FLAGS %s\n' \
		"$$(printf '%s\n' '$(subst ','\'',$(CFLAGS))' | $(nrb_c_string))"; } >$@.new
	@if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi

dist-hook: dist-revision
dist-revision:
	@rm -f $(distdir)/REVISION && echo "$(nrb_revision)" >$(distdir)/REVISION
