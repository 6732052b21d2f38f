import work

work.start()
handler = work.work
