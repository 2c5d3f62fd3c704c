// Keys that work on every page, except where one types.
import { move } from './find.js'
import { open } from './palette.js'
import { byKeys } from './focus.js'

const places = { h: '/', d: '/data', r: '/requests', s: '/sources', t: '/teams', g: '/glossary', n: '/notifications' }
const keys = document.getElementById('keys')
let going = 0 // when g was pressed, in ms

const typing = el => el.closest('input, textarea, select, [contenteditable]') !== null

function act(event) {
  const key = event.key
  if (Date.now() - going < 1500 && places[key]) { byKeys(); location.assign(places[key]); return true }
  going = 0
  switch (key) {
    case 'g': going = Date.now(); return true
    case '/': { const box = document.getElementById('q'); box ? (box.focus(), box.select()) : open(); return true }
    case '?': keys?.showModal(); return true
    case 'j': return move(1)
    case 'k': return move(-1)
  }
  return false
}

document.addEventListener('keydown', event => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
    event.preventDefault()
    open()
    return
  }
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector('dialog[open]')) return
  if (act(event)) event.preventDefault()
})

// From a search box, Esc leads back to where keys are keys.
document.addEventListener('keydown', event => {
  if (event.key !== 'Escape' || event.target.id !== 'q' || event.defaultPrevented) return
  event.preventDefault()
  event.target.blur()
})

document.addEventListener('click', event => {
  const button = event.target.closest('[data-opens], [data-close]')
  if (!button) return
  button.closest('dialog')?.close()
  document.getElementById(button.dataset.opens)?.showModal()
})
