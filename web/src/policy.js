// htmx may write HTML that our server sent, and nothing may evaluate text as a script.
import htmx from './vendor/htmx.js'

const refuse = () => { throw new TypeError('text is never run as a script here') }

htmx.registerExtension('portreeve', {
  init(api) {
    const rules = { createHTML: html => html, createScript: refuse }
    api.initSecurity(window.trustedTypes ? trustedTypes.createPolicy('htmx', rules) : rules, refuse, refuse)
  },
})
