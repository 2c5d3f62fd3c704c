// Every page works without this file; with it, parts are replaced as you type, keys work, and times are in your zone.
import './policy.js'
import './vendor/hx-sse.js'
import './find.js'
import './palette.js'
import './keys.js'
import './times.js'
import './page.js'
