/*
 * The twin: a second model of two peers and the link between them. It was written only from the tables of the protocol, in
 * another language, for another tool. It does not use the machines: a session has its phase, its view of each connection,
 * and the budget of its user. Spin explores all of it and prints every state as a line. The set of lines must equal that of
 * the explorer.
 *
 * One step here is one step there: an input with all its effects. The numbers in comments are the rows of the protocol's
 * tables. Messages that a conforming peer never sends in strict mode are asserted not to come.
 *
 * -D sets the number of times that a user may take an action: OPEN_0 for the opens of the initiator, OPEN_1 for those of the
 * acceptor. -D also sets the failures of the link (FAILS, CLOSES), and the timers that run (HANDSHAKE_TIMER, FLUSH_TIMER,
 * SWEEP_TIMER).
 */

#define IDS 5      /* 1 to 4, two for each side; 0 is the root */
#define ROOM 16    /* messages under way, at most */

/* The phase of a session: shaking hands, running, running without its root's last caller, ending, gone. */
#define GREETING  'g'
#define RUNNING   'R'
#define RELEASED  'r'
#define ENDING    'e'
#define GONE      '-'
/* Its view of a connection. */
#define NONE      '.'
#define PENDING   'p'
#define UNDECIDED 'u'
#define ACTIVE    'a'
/* The state of its end of the link, and the ending that comes after the messages there. */
#define OPEN      'o'
#define CLOSING   'c'
#define OVER      '-'
#define NOTHING   '.'
#define ENDED     'e'
#define FAILED    'f'
/* The messages. */
#define HELLO     'h'
#define YOURSELF  'y'
#define ERROR     '!'
#define ASK       'o'
#define ACCEPT    'a'
#define REJECT    'r'
#define CLOSE     'c'
#define DATA      'd'

typedef Peer {
  byte session = GREETING;
  byte phase[IDS] = NONE;
  byte opened;                  /* how many ids are spent */
  byte link = OPEN;
  byte ending = NOTHING;
  /* The messages sent to it that it has not taken. */
  byte kind[ROOM];
  byte about[ROOM];
  byte length;
  /* The remaining budget of its user. */
  byte open; byte abort; byte close; byte misclose; byte release; byte releaseRoot; byte send; byte shutdown;
  byte abortHandshake
}

Peer peer[2];
bool failed, closed;
/* Variables of the current step. */
byte i;
byte taken, on;
byte id, swept;

c_code {
  /* Prints every state as a line, once. */
  static char **known;
  static unsigned long room, count;

  static unsigned long place(const char *line) {
    unsigned long hash = 5381, at;
    for (const char *c = line; *c; c++) hash = hash * 33 ^ (unsigned char)*c;
    for (at = hash % room; known[at] && strcmp(known[at], line); at = (at + 1) % room);
    return at;
  }

  static void report(void) {
    char line[256], *end = line;
    for (int s = 0; s < 2; s++) {
      const struct Peer *p = s ? &now.peer[1] : &now.peer[0];
      end += sprintf(end, "%c %c%c ", p->session, p->link, p->ending);
      for (int id = 1; id < IDS; id++) *end++ = p->phase[id];
      end += sprintf(end, " %d%d%d%d%d%d%d%d%d ", p->open, p->abort, p->close, p->misclose, p->release, p->releaseRoot,
                     p->send, p->shutdown, p->abortHandshake);
      for (int at = 0; at < p->length; at++) end += sprintf(end, "%c%d", p->kind[at], p->about[at]);
      end += sprintf(end, " | ");
    }
    sprintf(end, "%d%d", now.failed, now.closed);
    if (count * 2 >= room) {
      unsigned long old = room;
      char **lines = known;
      room = room ? room * 2 + 1 : 4099;
      known = calloc(room, sizeof *known);
      for (unsigned long at = 0; at < old; at++) if (lines[at]) known[place(lines[at])] = lines[at];
      free(lines);
    }
    unsigned long at = place(line);
    if (known[at]) return;
    known[at] = strdup(line);
    count++;
    puts(line);
  }
}

#define other(s) (1 - (s))
#define isUp(s) (peer[s].session == RUNNING || peer[s].session == RELEASED)
#define isOurs(s, id) ((id) % 2 == 1 - (s))  /* the initiator's are odd */
#define isLive(s) (peer[s].phase[1] != NONE || peer[s].phase[2] != NONE || peer[s].phase[3] != NONE || peer[s].phase[4] != NONE)

inline wipe(s) {
  i = 0;
  do
  :: i < ROOM -> peer[s].kind[i] = 0; peer[s].about[i] = 0; i++
  :: else -> break
  od;
  peer[s].length = 0
}

inline forget(s) {
  peer[s].phase[1] = NONE; peer[s].phase[2] = NONE; peer[s].phase[3] = NONE; peer[s].phase[4] = NONE
}

/* Aborts the link. The other side learns that it broke. */
inline sever(s) {
  if
  :: peer[s].link != OVER ->
    peer[s].link = OVER;
    peer[s].ending = NOTHING;
    wipe(s);
    if
    :: peer[other(s)].link != OVER -> peer[other(s)].ending = FAILED
    :: else
    fi
  :: else
  fi
}

/* An end that is not orderly, or the end of one that is: nothing is left, and the link is closed. 9b.10 */
inline stop(s) {
  peer[s].session = GONE;
  forget(s);
  sever(s)
}

/* The other end gets the end after all sent messages. */
inline announceEnd(s) {
  if
  :: peer[s].link != OVER && peer[s].ending == NOTHING -> peer[s].ending = ENDED
  :: else
  fi
}

/* An orderly end, 5.29: all waiting users get a result, the sent messages still leave, and the link is closed after them. */
inline finish(s) {
  peer[s].session = ENDING;
  forget(s);
  if
  :: peer[s].link == OPEN -> peer[s].link = CLOSING; announceEnd(other(s))
  :: else
  fi
}

/* A link that cannot send ends the session: 9b.09 */
inline say(s, what, id) {
  if
  :: peer[s].link != OPEN -> stop(s)
  :: else ->
    if
    :: peer[other(s)].link != OVER ->
      assert(peer[other(s)].length < ROOM);
      peer[other(s)].kind[peer[other(s)].length] = what;
      peer[other(s)].about[peer[other(s)].length] = id;
      peer[other(s)].length++
    :: else
    fi
  fi
}

/* The root-closed check, 9b.04: in the same step as every removal. */
inline checkRoot(s) {
  if
  :: peer[s].session == RELEASED && !isLive(s) -> finish(s)
  :: else
  fi
}

/* A removal of ours, with a message to the peer: 5.04, 5.23, 5.26, 5.27 */
inline drop(s, id, what) {
  peer[s].phase[id] = NONE;
  say(s, what, id);
  checkRoot(s)
}

/* Takes the next waiting message. */
inline take(s) {
  taken = peer[s].kind[0];
  on = peer[s].about[0];
  peer[s].length--;
  i = 0;
  do
  :: i < ROOM - 1 -> peer[s].kind[i] = peer[s].kind[i + 1]; peer[s].about[i] = peer[s].about[i + 1]; i++
  :: else -> break
  od;
  peer[s].kind[ROOM - 1] = 0;
  peer[s].about[ROOM - 1] = 0
}

/* Section 3. */
inline greet(s) {
  if
  :: taken == ERROR -> stop(s)                                     /* 3.02 */
  :: taken == YOURSELF && s == 0 -> peer[s].session = RUNNING      /* 3.01 */
  :: taken == HELLO && s == 1 ->                                   /* 3.08, 3.10 */
    peer[s].session = RUNNING;
    say(s, YOURSELF, 0)
  :: else -> assert(false)
  fi
}

/* Section 5: inbound messages. A message that is not listed would be a violation. */
inline receive(s) {
  if
  :: taken == ERROR -> stop(s)                                   /* 9a.10 */
  :: taken == ASK ->                                             /* 5.01 */
    assert(!isOurs(s, on) && peer[s].phase[on] == NONE);
    peer[s].phase[on] = UNDECIDED
  :: taken == ACCEPT && peer[s].phase[on] == PENDING ->          /* 5.08 */
    peer[s].phase[on] = ACTIVE
  :: taken == REJECT && peer[s].phase[on] == PENDING ->          /* 5.09 */
    peer[s].phase[on] = NONE;
    checkRoot(s)
  :: taken == CLOSE && peer[s].phase[on] != NONE ->              /* 5.10, 5.11, 5.12 */
    assert(on != 0);
    peer[s].phase[on] = NONE;
    checkRoot(s)
  :: taken == DATA && (on == 0 || peer[s].phase[on] == ACTIVE)   /* 5.14 */
  :: else ->                                                     /* 9a.05 */
    assert(taken == ACCEPT || taken == REJECT || taken == CLOSE || taken == DATA);
    assert(on != 0 && peer[s].phase[on] == NONE)
  fi
}

/* Ends opens of ours and questions that have waited too long, the oldest first. */
inline sweepAll(s, what, answer, count) {
  swept = 0;
  id = 1;
  do
  :: id < IDS && isUp(s) && peer[s].phase[id] == what && swept < count -> swept++; drop(s, id, answer)
  :: id < IDS && !(isUp(s) && peer[s].phase[id] == what && swept < count) -> id++
  :: else -> break
  od;
  swept = 0;
  id = 0
}

/* 5.23, 5.06 */
inline sweep(s, opens, decisions) {
  sweepAll(s, PENDING, CLOSE, opens);
  sweepAll(s, UNDECIDED, REJECT, decisions)
}

#define waiting(s, what) \
  ((peer[s].phase[1] == what) + (peer[s].phase[2] == what) + (peer[s].phase[3] == what) + (peer[s].phase[4] == what))

/* An event of the link affects both ends: the messages under way are lost if it breaks, and arrive if it is closed. */
inline suffer(s, breaks) {
  if
  :: peer[s].link != OVER && breaks -> peer[s].link = CLOSING; peer[s].ending = FAILED; wipe(s)
  :: peer[s].link != OVER && !breaks -> peer[s].link = CLOSING; announceEnd(s)
  :: else
  fi
}

#define may(s, what) (isUp(s) && peer[s].what > 0)

/* One step, and the state that it leads to. */
#define STEP(guard, what) :: d_step { (guard) -> what; taken = 0; on = 0; i = 0; c_code { report(); } }

/* The actions of a side's user on a connection. */
#define CONNECTION(s, id) \
  STEP(may(s, abort) && peer[s].phase[id] == PENDING, peer[s].abort--; drop(s, id, CLOSE)) \
  STEP(may(s, close) && (peer[s].phase[id] == PENDING || peer[s].phase[id] == ACTIVE), peer[s].close--; drop(s, id, CLOSE)) \
  STEP(may(s, misclose) && peer[s].phase[id] == UNDECIDED, peer[s].misclose--) /* 5.25 */ \
  STEP(may(s, release) && peer[s].phase[id] == ACTIVE, peer[s].release--; drop(s, id, CLOSE)) \
  STEP(may(s, send) && peer[s].phase[id] == ACTIVE, peer[s].send--; say(s, DATA, id)) \
  STEP(isUp(s) && peer[s].phase[id] == UNDECIDED, peer[s].phase[id] = ACTIVE; say(s, ACCEPT, id)) /* 5.05 */ \
  STEP(isUp(s) && peer[s].phase[id] == UNDECIDED, drop(s, id, REJECT))

#define SWEEP(s, opens, decisions) \
  STEP(SWEEP_TIMER && isUp(s) && waiting(s, PENDING) >= opens && waiting(s, UNDECIDED) >= decisions, sweep(s, opens, decisions))

#define SIDE(s) \
  STEP(peer[s].session == GREETING && peer[s].link != OVER && peer[s].length > 0, take(s); greet(s)) \
  STEP(isUp(s) && peer[s].link != OVER && peer[s].length > 0, take(s); receive(s)) \
  STEP(peer[s].session == ENDING && peer[s].link != OVER && peer[s].length > 0, take(s)) \
  STEP(peer[s].session != GONE && peer[s].ending != NOTHING && peer[s].length == 0, hear(s)) \
  STEP(peer[s].session == GREETING && peer[s].abortHandshake > 0, peer[s].abortHandshake--; stop(s)) \
  STEP(HANDSHAKE_TIMER && peer[s].session == GREETING, accuse(s)) \
  STEP(FLUSH_TIMER && peer[s].session == ENDING, stop(s)) \
  SWEEP(s, 0, 1) SWEEP(s, 0, 2) SWEEP(s, 1, 0) SWEEP(s, 1, 1) SWEEP(s, 1, 2) SWEEP(s, 2, 0) SWEEP(s, 2, 1) SWEEP(s, 2, 2) \
  STEP(may(s, open), openNext(s)) \
  STEP(may(s, send), peer[s].send--; say(s, DATA, 0)) \
  STEP(may(s, misclose), peer[s].misclose--) /* 5.24, 5.25 */ \
  STEP(may(s, releaseRoot), peer[s].releaseRoot--; peer[s].session = RELEASED; checkRoot(s)) /* 5.28 */ \
  STEP(may(s, shutdown), peer[s].shutdown--; finish(s)) \
  CONNECTION(s, 1) CONNECTION(s, 2) CONNECTION(s, 3) CONNECTION(s, 4)

/* 5.21: an id is spent even on failure. */
inline openNext(s) {
  peer[s].open--;
  peer[s].opened++;
  peer[s].phase[2 * peer[s].opened - 1 + s] = PENDING;
  say(s, ASK, 2 * peer[s].opened - 1 + s)
}

/* An end that we did not cause is answered, and ends the session. 3.04, 3.05 */
inline hear(s) {
  if
  :: peer[s].ending == ENDED && peer[s].link == OPEN -> announceEnd(other(s))
  :: else
  fi;
  peer[s].ending = NOTHING;
  peer[s].link = OVER;
  stop(s)
}

/* 3.07, 9a.01: in strict mode the peer is told, and that is the last message. */
inline accuse(s) {
  say(s, ERROR, 0);
  if
  :: peer[s].session != GONE -> finish(s)
  :: else
  fi
}

#define BUDGET(s, OF) \
  peer[s].open = OPEN_##OF; peer[s].abort = ABORT_##OF; peer[s].close = CLOSE_##OF; peer[s].misclose = MISCLOSE_##OF; \
  peer[s].release = RELEASE_##OF; peer[s].releaseRoot = RELEASEROOT_##OF; peer[s].send = SEND_##OF; \
  peer[s].shutdown = SHUTDOWN_##OF; peer[s].abortHandshake = ABORTHANDSHAKE_##OF

active proctype both() {
  d_step {
    BUDGET(0, 0);
    BUDGET(1, 1);
    say(0, HELLO, 0);
    c_code { report(); }
  }
  do
  SIDE(0)
  SIDE(1)
  STEP(FAILS && !failed && (peer[0].link != OVER || peer[1].link != OVER), failed = true; suffer(0, true); suffer(1, true))
  STEP(CLOSES && !closed && (peer[0].link != OVER || peer[1].link != OVER), closed = true; suffer(0, false); suffer(1, false))
  od
}
