// Package job runs work in the background and on a timetable: River workers over the portal's own Postgres, one domain call
// each. A job's arguments are data, its work can be done twice without harm, and it is inserted in the transaction that
// makes it necessary.
package job
