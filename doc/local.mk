# SPDX-License-Identifier: MIT
EXTRA_DIST += doc/nrb-bench.1.scd doc/nrb-dump.1.scd doc/nrb-stress.1.scd doc/nrb.3.scd doc/nrb_channel.3.scd
EXTRA_DIST += CONTRIBUTING.md quickstart
dist_doc_DATA += doc/embedding.md doc/kernel.md doc/memory-order.md doc/nrb-stress-json.md doc/plugins.md \
	doc/protocol.md doc/testing.md
dist_pkgdata_DATA = doc/nrb-bench.schema.json doc/nrb-stress.schema.json

if HAVE_SCDOC
man1_MANS = doc/nrb-bench.1 doc/nrb-dump.1 doc/nrb-stress.1
man3_MANS = doc/nrb.3 doc/nrb_channel.3
CLEANFILES += $(man1_MANS) $(man3_MANS)

doc/%: doc/%.scd
	@$(MKDIR_P) doc
	$(AM_V_GEN)$(SCDOC) <$< >$@.new && mv -f $@.new $@

# Each function has a page of its own name that leads to the one it is told in; the version script knows them all.
nrb_functions = $(SED) -n 's/^[[:space:]]*\(nrb_[a-z_]*\);$$/\1/p' $(srcdir)/src/libnrb.map
install-function-pages:
	@$(MKDIR_P) "$(DESTDIR)$(man3dir)"
	@for f in $$($(nrb_functions)); do \
		case $$f in nrb_channel_*|nrb_registry_*|nrb_set_*) page=nrb_channel ;; *) page=nrb ;; esac; \
		echo ".so man3/$$page.3" >"$(DESTDIR)$(man3dir)/$$f.3" || exit 1; \
	done
uninstall-function-pages:
	@for f in $$($(nrb_functions)); do rm -f "$(DESTDIR)$(man3dir)/$$f.3"; done
install-data-hook: install-function-pages
uninstall-local: uninstall-function-pages
endif
