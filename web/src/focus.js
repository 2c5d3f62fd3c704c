// The focus after a page was replaced: where one was, at what is wrong, or in the box that one came to type into.
const kept = 'refocus'

const later = what => sessionStorage.setItem(kept, JSON.stringify({ at: Date.now(), ...what }))

document.addEventListener('click', event => {
  if (event.target.closest('.chip a') && !event.ctrlKey && !event.metaKey && !event.shiftKey) later({ selectors: ['.chip a', '#q'] })
})

const action = form => form.getAttribute('action')
const secrets = form => [...form.elements].filter(el => el.type === 'hidden').map(el => `${el.name}=${el.value}`).join('&')
const buttons = form => [...form.elements].filter(el => el.type === 'submit')
const words = el => `${el.name} ${el.value} ${el.textContent.trim()}`

document.addEventListener('submit', event => {
  const form = event.target
  if (event.defaultPrevented || form.method !== 'post') return
  const typedIn = document.activeElement?.closest('input, select, textarea')
  later({
    form: action(form), hidden: secrets(form), button: event.submitter ? words(event.submitter) : '',
    input: typedIn?.form === form ? typedIn.id : '',
  })
})

// again finds where one was when the form was sent: the input, or else the button. Of several buttons of the same name it is that
// of the same form or none, so that one more Enter never does something else than the last.
function again({ form, hidden, button, input }) {
  const typedIn = input && document.getElementById(input)
  if (typedIn?.form && action(typedIn.form) === form) return typedIn
  const same = [...document.forms].filter(f => f.method === 'post' && action(f) === form)
    .flatMap(buttons).filter(b => words(b) === button && !b.matches('[aria-hidden]'))
  return same.length === 1 ? same[0] : same.find(b => secrets(b.form) === hidden)
}

// wrong is where a page says that what was sent could not be done: the first field at fault, or else the whole message.
function wrong() {
  const main = document.querySelector('main')
  const field = main?.querySelector('[aria-invalid="true"]')
  if (field) return field
  if (!(performance.getEntriesByType('navigation')[0]?.responseStatus >= 400)) return null
  const message = main?.querySelector('[role="alert"]')
  message?.setAttribute('tabindex', '-1')
  return message
}

function restore() {
  const text = sessionStorage.getItem(kept)
  sessionStorage.removeItem(kept)
  const was = JSON.parse(text ?? '{"at":0}')
  if (Date.now() - was.at > 15_000) return null
  if (was.form !== undefined) return wrong() ?? again(was)
  return was.selectors?.map(s => document.querySelector(s)).find(Boolean)
}

// byKeys is called before a key leads to another page: there the focus goes to the page and not into a box, so that the next
// key is a key again.
export const byKeys = () => later({ selectors: ['main'] })

const arrived = performance.getEntriesByType('navigation')[0]?.type === 'navigate' // not back, nor again
const at = restore() ?? (arrived ? document.querySelector('[data-focus]') : null)
if (at && document.activeElement === document.body) {
  at.focus({ preventScroll: !at.matches('[aria-invalid], [role="alert"]') })
  if (at.type === 'search') at.setSelectionRange(at.value.length, at.value.length)
}
