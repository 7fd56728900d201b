"""Tests that paging loses no row of a list that moves under it: a plain list, changed between requests."""

from __future__ import annotations

import json
from bisect import insort
from collections import Counter
from itertools import count
from random import Random

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from source_acumatica.odata.keyset import keyset_pages
from source_acumatica.reading.looks import Looks
from source_acumatica.reading.page_size import SMALLEST_PAGE_ROWS
from source_acumatica.reading.paging import BEGINNING, EqualKeysError, MovingListError, Position, anchored_pages
from source_acumatica.reading.trail import Ledger

# The list has places between its rows, so that rows can be inserted anywhere.
GAP = 1000


class MovingList:
    """Rows in the order of their keys; before each request somebody else's changes happen.

    ``cap`` is a limit of the server's own; ``changes`` holds for each request the changes that come before it.
    """

    def __init__(self, size, tops, changes=(), cap=None):
        self.rows = [number * GAP for number in range(1, size + 1)]
        self.there_throughout = set(self.rows)
        self.versions = dict.fromkeys(self.rows, 0)
        self.tops, self.changes, self.cap = tops, list(changes), cap
        self.requests, self.skips = 0, []

    def fetch(self, skip):
        if self.requests < len(self.changes):
            for change, place in self.changes[self.requests]:
                getattr(self, change)(place, skip)
        top = self.tops[self.requests % len(self.tops)]
        self.requests += 1
        self.skips.append(skip)
        assert self.requests < 5_000, "no end"
        return self.rows[skip : skip + min(top, self.cap or top)], top

    def insert(self, place, skip):
        """A row at ``place``, counted from the reading position, so that changes fall where they hurt."""
        index = self._index(place, skip)
        row = (self.rows[index] if index is not None and skip + place >= 0 else 0) + 1
        while row in self.versions:
            row += 1
        if row % GAP:
            self.versions[row] = 0
            insort(self.rows, row)

    def delete(self, place, skip):
        index = self._index(place, skip)
        if index is not None:
            self.there_throughout.discard(self.rows.pop(index))

    def touch(self, place, skip):
        """A row gets another content."""
        index = self._index(place, skip)
        if index is not None:
            self.versions[self.rows[index]] += 1

    def delete_all(self, _place, _skip):
        self.there_throughout.clear()
        self.rows.clear()

    def _index(self, place, skip):
        return min(max(skip + place, 0), len(self.rows) - 1) if self.rows else None

    def by_key(self, row):
        return (str(row),)

    def by_stable_id(self, row):
        return (f"id {row}", f"as of {self.versions[row]}")

    def by_content(self, row):
        return (f"{row} as of {self.versions[row]}",)


IDENTITIES = ["by_key", "by_stable_id", "by_content"]
TOPS = st.lists(st.integers(2, 7), min_size=1, max_size=5)
PLACES = st.integers(-9, 9)


def changes(kinds, most_at_once, requests):
    one = st.tuples(st.sampled_from(kinds), PLACES)
    return st.lists(st.lists(one, max_size=most_at_once), max_size=requests)


def everything(moving, identify="by_key", start=BEGINNING):
    return [row for page in anchored_pages(moving.fetch, getattr(moving, identify), start) for row in page.rows]


def everything_unless_all_goes(moving, identify="by_key", start=BEGINNING):
    """The same; a list of which nothing is left, though rows of it were read, is an error."""
    read = []
    try:
        for page in anchored_pages(moving.fetch, getattr(moving, identify), start):
            read += page.rows
    except MovingListError as error:
        assert "has no rows any more" in str(error)
        assert read
        assert not moving.there_throughout
    return read


@pytest.mark.parametrize("identify", IDENTITIES)
@settings(max_examples=200)
@given(
    size=st.integers(0, 40),
    tops=TOPS,
    # More rows inserted before the position than a few pages hold may look like a server that repeats itself.
    ops=changes(["insert", "delete", "delete", "touch"], 2, 4) | changes(["delete", "touch"], 4, 30),
)
def test_a_row_that_stays_is_read_whatever_moves_around_it(identify, size, tops, ops):
    moving = MovingList(size, tops, ops)
    read = everything_unless_all_goes(moving, identify)
    assert moving.there_throughout <= set(read)


@settings(max_examples=200)
@given(size=st.integers(0, 40), tops=TOPS, ops=changes(["insert", "insert", "delete"], 12, 20))
def test_a_list_that_moves_faster_than_it_is_read_is_an_error_and_never_a_gap(size, tops, ops):
    moving = MovingList(size, tops, ops)
    read = set()
    try:
        for page in anchored_pages(moving.fetch, moving.by_key, BEGINNING):
            read.update(page.rows)
            assert {*page.position.anchors} <= {*map(moving.by_key, read)}
    except MovingListError:
        event("given up")
        return
    assert moving.there_throughout <= read


@pytest.mark.parametrize("identify", IDENTITIES)
@settings(max_examples=200)
@given(
    size=st.integers(1, 40),
    tops=TOPS,
    before=changes(["insert", "delete", "delete", "touch"], 2, 3),
    between=st.lists(st.tuples(st.sampled_from(["insert", "delete", "delete", "delete"]), PLACES), max_size=6),
    behind=changes(["delete", "touch"], 2, 10),
    cut=st.integers(0, 20),
)
def test_reading_goes_on_from_every_position_without_a_gap(identify, size, tops, before, between, behind, cut):
    moving = MovingList(size, tops, before)
    read, position = [], BEGINNING
    for number, page in enumerate(anchored_pages(moving.fetch, getattr(moving, identify), BEGINNING)):
        read += page.rows
        position = page.position
        if number == cut:
            break
    # The position goes through the state, and the run that goes on knows nothing else.
    offset, anchors = json.loads(json.dumps([position.offset, position.anchors]))
    moving.changes = [
        *moving.changes[: moving.requests],
        *[[]] * (moving.requests - len(moving.changes)),
        between,
        *behind,
    ]
    resumed = Position(offset, tuple(map(tuple, anchors)))
    read += everything_unless_all_goes(moving, identify, resumed)
    assert moving.there_throughout <= set(read)


@settings(max_examples=200)
@given(
    size=st.integers(0, 260),
    tops=st.lists(st.integers(60, 400), min_size=1, max_size=3),
    ops=changes(["insert", "delete", "delete"], 3, 12),
)
def test_a_row_that_stays_is_read_through_a_servers_own_limit(size, tops, ops):
    moving = MovingList(size, tops, ops, cap=50)
    assert moving.there_throughout <= set(everything_unless_all_goes(moving))


@pytest.mark.parametrize("cap", [50, 64, 100, 500, 1000])
@pytest.mark.parametrize("size", [0, 1, 49, 50, 51, 100, 999, 1000, 1001, 2500])
def test_a_servers_own_limit_does_not_look_like_the_end(cap, size):
    moving = MovingList(size, [5000], cap=cap)
    assert everything(moving) == moving.rows


@pytest.mark.parametrize("cap", [50, 100])
def test_a_row_removed_far_into_a_list_that_the_server_gives_in_small_pages_leads_to_no_error(cap):
    moving = MovingList(3000, [5000], [*[[]] * 20, [("delete", -5)]], cap=cap)
    assert moving.there_throughout <= set(everything(moving))


@pytest.fixture
def usual_pages(monkeypatch):
    """Pages of the tests' sizes are taken for such as a real server gives, which was found to hide nothing."""
    monkeypatch.setattr(Looks, "behind", lambda *_, **__: None)


@pytest.mark.parametrize("top", range(2, 8))
@pytest.mark.parametrize("size", [0, 1, 2, 3, 6, 7, 8, 20, 41])
def test_a_list_that_rests_is_read_once_in_order_with_as_few_requests(size, top, usual_pages):
    moving = MovingList(size, [top])
    assert everything(moving) == moving.rows
    needed = 1 + max(0, -(-(size - top) // (top - 1)))
    # One proves the end; of a single row nobody can tell whether the server gives more than one at once.
    assert moving.requests <= needed + (2 if size == 1 else 1 if size else 0)


def test_the_end_is_what_brings_nothing_new_and_no_page_that_is_short(usual_pages):
    moving = MovingList(3, [7])
    everything(moving)
    assert moving.skips == [0, 2]


def test_behind_small_pages_one_more_look_is_taken():
    moving = MovingList(3, [7])
    everything(moving)
    assert moving.skips == [0, 2, 3]


def test_each_page_asks_again_for_the_last_row_of_the_one_before(usual_pages):
    moving = MovingList(10, [4])
    everything(moving)
    assert moving.skips == [0, 3, 6, 9]


def test_a_removed_row_makes_one_step_back_and_no_more(usual_pages):
    moving = MovingList(12, [4], [[], [], [("delete", -5)]])
    everything(moving)
    # As the picture at the head of the module: g is not where it was, so the page before is read again.
    assert moving.skips[:4] == [0, 3, 6, 3]
    assert moving.requests <= 7


def test_rows_inserted_before_the_position_are_not_read_twice():
    moving = MovingList(12, [4], [[], [("insert", -9)]])
    read = everything(moving)
    assert sorted(read) == sorted(set(read))
    assert moving.there_throughout <= set(read)


@pytest.mark.parametrize("request_number", range(4))
def test_a_list_that_is_emptied_comes_to_an_end_and_is_not_believed_to_be_empty(request_number):
    moving = MovingList(12, [4], [*[[]] * request_number, [("delete_all", 0)]])
    first = list(moving.rows)
    assert everything_unless_all_goes(moving) == first[: [0, 4, 7, 10][request_number]]
    assert moving.requests < 20


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 8, 10, 20, 1000])
@pytest.mark.parametrize("begin", [1, 3, 5])
def test_a_list_that_shows_nothing_for_a_while_is_read_to_its_end_or_given_up(begin, count):
    rows, requests = [f"{number:03}" for number in range(34)], []

    def fetch(skip, asked=5):
        requests.append(skip)
        return ([] if begin < len(requests) <= begin + count else rows[skip : skip + asked]), asked

    pages = anchored_pages(fetch, lambda row: (row,), BEGINNING, ledger=Ledger(), look=lambda skip: fetch(skip, 50))
    try:
        assert [row for page in pages for row in page.rows] == rows
    except MovingListError as error:
        assert "has no rows any more" in str(error)
        assert count > 3


def test_an_empty_list_has_no_page(usual_pages):
    moving = MovingList(0, [5])
    assert list(anchored_pages(moving.fetch, moving.by_key, BEGINNING)) == []
    assert moving.requests == 1


def test_a_position_counts_the_rows_up_to_it_and_remembers_the_last():
    moving = MovingList(9, [4])
    positions = [page.position for page in anchored_pages(moving.fetch, moving.by_key, BEGINNING)]
    assert [position.offset for position in positions] == [4, 7, 9]
    assert [position.anchors[-1] for position in positions] == [("4000",), ("7000",), ("9000",)]
    assert all(len(position.anchors) <= 5 for position in positions)


def test_a_position_at_the_end_reads_nothing_again():
    moving = MovingList(9, [4])
    *_, last = anchored_pages(moving.fetch, moving.by_key, BEGINNING)
    assert everything(moving, start=last.position) == []


def test_a_position_whose_rows_are_all_gone_starts_the_list_anew():
    moving = MovingList(9, [4])
    assert everything(moving, start=Position(7, (("gone",), ("gone too",)))) == moving.rows


def test_a_place_near_the_end_is_searched_for_in_steps_of_what_the_server_gives():
    moving = MovingList(700, [100])
    gone = Position(692, tuple((f"gone {number}",) for number in range(5)))
    assert everything(moving, start=gone) == moving.rows
    assert moving.requests < 40


def test_an_offset_without_anchors_is_not_trusted():
    moving = MovingList(9, [4])
    assert everything(moving, start=Position(7, ())) == moving.rows


@pytest.mark.parametrize("size", [8, 9, 40, 100])
def test_a_server_that_ignores_skip_is_given_up(size):
    moving = MovingList(size, [7])
    with pytest.raises(MovingListError):
        list(anchored_pages(lambda _skip: moving.fetch(0), moving.by_key, BEGINNING))
    assert moving.requests < 20


def test_a_server_whose_rows_all_look_alike_is_given_up():
    requests = count()

    def fetch(_skip):
        assert next(requests) < 100, "no end"
        return ["x", "x", "x"], 3

    with pytest.raises(MovingListError):
        list(anchored_pages(fetch, lambda row: (row,), BEGINNING))


def test_a_server_that_ignores_skip_but_gives_all_in_one_page_is_read():
    moving = MovingList(6, [7])
    assert [
        row for page in anchored_pages(lambda _skip: moving.fetch(0), moving.by_key, BEGINNING) for row in page.rows
    ] == moving.rows


@pytest.mark.parametrize("identify", IDENTITIES)
def test_a_server_that_ignores_top_is_read_in_one_page(identify, usual_pages):
    moving = MovingList(300, [7])
    pages = anchored_pages(
        lambda skip: (moving.fetch(0) and moving.rows[skip:], 7), getattr(moving, identify), BEGINNING
    )
    assert [row for page in pages for row in page.rows] == moving.rows
    assert moving.requests <= 2


def test_a_server_that_makes_up_new_rows_for_ever_is_given_up():
    numbers = count()

    def fetch(_skip):
        assert next(numbers) < 20_000, "no end"
        return [next(numbers) for _ in range(5)], 5

    with pytest.raises(MovingListError):
        list(anchored_pages(fetch, lambda row: (str(row),), BEGINNING))


def test_a_failing_request_ends_the_reading_with_its_own_error():
    def fetch(skip):
        if skip:
            raise TimeoutError
        return [1, 2, 3], 3

    pages = anchored_pages(fetch, lambda row: (str(row),), BEGINNING)
    assert next(pages).rows == [1, 2, 3]
    with pytest.raises(TimeoutError):
        next(pages)


# --------------------------------------------------------------------------------- lists that change their order


class ReorderedList:
    """Pages of a list that stands in one order for some requests and in another from then on."""

    def __init__(self, rows, then, requests, page_rows):
        self.rows, self.then, self.requests, self.page_rows = rows, then, requests, page_rows

    def fetch(self, skip):
        self.requests -= 1
        rows = self.rows if self.requests >= 0 else self.then
        return rows[skip : skip + self.page_rows], self.page_rows


def sent(moving, identify=lambda row: (str(row),), **how):
    pages = anchored_pages(moving.fetch, identify, BEGINNING, ledger=Ledger(), **how)
    return [row for page in pages for row in page.rows]


@settings(max_examples=300)
@given(st.data())
def test_a_list_that_comes_in_another_order_is_read_whole_and_once(data):
    rows = list(range(data.draw(st.integers(0, 60))))
    then = data.draw(st.permutations(rows))
    moving = ReorderedList(rows, then, data.draw(st.integers(1, 12)), data.draw(st.integers(3, 12)))
    try:
        assert sorted(sent(moving)) == rows
    except MovingListError:
        event("given up")


@settings(max_examples=300)
@given(st.data())
def test_a_list_of_rows_that_are_alike_and_change_their_order_is_read_whole_and_once_or_given_up(data):
    rows = data.draw(st.lists(st.integers(0, 30), max_size=60))
    then = data.draw(st.permutations(rows))
    moving = ReorderedList(rows, then, data.draw(st.integers(1, 12)), data.draw(st.integers(3, 12)))
    try:
        assert sorted(sent(moving, is_unique=False)) == sorted(rows)
    except MovingListError:
        event("given up")


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(3, 12))
def test_rows_that_are_alike_and_rest_come_as_often_as_they_are_there(rows, page_rows):
    assert sorted(sent(ReorderedList(rows, rows, 0, page_rows), is_unique=False)) == sorted(rows)


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(3, 12))
def test_rows_whose_keys_repeat_against_what_was_said_come_as_often_as_they_are_there(rows, page_rows):
    try:
        assert sorted(sent(ReorderedList(rows, rows, 0, page_rows))) == sorted(rows)
    except MovingListError:
        # A page full of one key and a row that is like others: nobody can tell whether it has moved.
        assert max(Counter(rows).values()) >= page_rows - 1


@settings(max_examples=300)
@given(st.data())
def test_rows_that_are_alike_are_neither_lost_nor_doubled_while_others_come_and_go(data):
    rows = data.draw(st.lists(st.integers(0, 5), max_size=40))
    staying, moving, came = Counter(rows), ReorderedList(rows, rows, 0, data.draw(st.integers(3, 9))), Counter()
    changes = data.draw(st.lists(st.tuples(st.sampled_from(["insert", "delete"]), st.integers(0, 40)), max_size=3))

    def fetch(skip):
        if skip and changes:
            change, place = changes.pop()
            if change == "insert":
                rows.insert(place, new := data.draw(st.integers(0, 5)))
                came[new] += 1
            elif place < len(rows):
                staying[rows.pop(place)] -= 1
        return moving.rows[skip : skip + moving.page_rows], moving.page_rows

    most = Counter(rows)
    try:
        read = Counter(
            row
            for page in anchored_pages(fetch, lambda row: (str(row),), BEGINNING, ledger=Ledger(), is_unique=False)
            for row in page.rows
        )
    except MovingListError:
        event("given up")
        return
    assert staying <= read <= most + came


@given(st.data())
def test_rows_that_were_renamed_to_the_place_of_others_do_not_stand_for_these(data):
    """Rows are known by an id that stays, and the list is in the order of their names."""
    rows = {f"id {number}": number for number in range(60)}
    versions = dict.fromkeys(rows, 0)
    page_rows, renamed = data.draw(st.integers(5, 12)), data.draw(st.integers(0, 25))
    left = [data.draw(st.integers(30, 50))]

    def fetch(skip):
        if skip >= 27 and left:
            place = left.pop() + 0.5
            for number in range(renamed):
                rows[f"id {number}"] = place + number / 1000
                versions[f"id {number}"] += 1
        return sorted(rows, key=rows.__getitem__)[skip : skip + page_rows], page_rows

    ledger = data.draw(st.sampled_from([None, Ledger()]))
    pages = anchored_pages(fetch, lambda row: (row, str(versions[row])), BEGINNING, ledger=ledger)
    assert {row for page in pages for row in page.rows} == rows.keys()


# ------------------------------------------------------------------------ rows that are hidden, and groups in any order


class HidingList:
    """Rows in the order of their groups, those of a group in another order each time; hidden ones count as places.

    ``cap`` is the most that the server gives; ``moves`` says with each request whether a row in front is removed.
    """

    def __init__(self, groups, hidden, page_rows, cap=None, moves=lambda: False, seed=0):
        self.rows = [(group, number) for number, group in enumerate(sorted(groups))]
        self.hidden, self.page_rows, self.cap, self.moves = hidden, page_rows, cap, moves
        self.random, self.requests = Random(seed), 0

    @property
    def visible(self):
        return {row for row in self.rows if row not in self.hidden}

    def fetch(self, skip, rows=None):
        self.requests += 1
        assert self.requests < 5_000, "no end"
        if skip and self.rows and self.moves():
            self.rows.pop(self.random.randrange(len(self.rows)))
        keys = {row: self.random.random() for row in self.rows}
        top = min(rows or self.page_rows, self.cap or rows or self.page_rows)
        page = sorted(self.rows, key=lambda row: (row[0], keys[row]))[skip : skip + top]
        return [row for row in page if row not in self.hidden], rows or self.page_rows

    def look(self, skip):
        return self.fetch(skip, max(self.page_rows, 50))

    def fetch_from(self, place, skip, rows=None):
        in_front = sum(1 for row in self.rows if place and row[:1] < place)
        return self.fetch(in_front + skip, rows)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_groups_in_any_order_are_read_whole_and_once_though_rows_are_hidden_or_removed(data):
    groups = data.draw(st.lists(st.integers(0, 30), max_size=150))
    rows = [(group, number) for number, group in enumerate(sorted(groups))]
    hidden = set(data.draw(st.lists(st.sampled_from(rows), max_size=40))) if rows else set()
    is_plain = not hidden and len({*groups}) == len(groups)
    cap = data.draw(st.sampled_from([None, 60, 55, *([2, 3, 7] if is_plain else [])]))
    page_rows = data.draw(st.integers(12, 80))
    left = [True] * data.draw(st.integers(0, 4))
    moving = HidingList(groups, hidden, page_rows, cap, lambda: bool(left) and left.pop(), data.draw(st.integers()))
    looks = Looks(data.draw(st.booleans()) or bool(hidden))
    pages = anchored_pages(
        moving.fetch,
        lambda row: (str(row[0]),),
        BEGINNING,
        ledger=Ledger(),
        look=moving.look,
        in_groups=True,
        looks=looks,
    )
    try:
        read = [row for page in pages for row in page.rows]
    except (EqualKeysError, MovingListError) as error:
        event(type(error).__name__)
        return
    assert len({*read}) == len(read)
    assert moving.visible <= {*read}


@settings(max_examples=300, deadline=None)
@given(st.sets(st.integers(0, 59), max_size=40), st.integers(2, 9), st.booleans())
@example({0, 1}, 2, True)
@example(set(range(30)), 5, False)
def test_rows_hidden_anywhere_in_small_pages_do_not_look_like_a_list_that_repeats_itself(numbers, page_rows, is_unique):
    hiding = HidingList(range(60), {(number, number) for number in numbers}, page_rows)
    pages = anchored_pages(
        hiding.fetch,
        lambda row: (str(row),),
        BEGINNING,
        is_unique=is_unique,
        ledger=Ledger(),
        look=hiding.look,
    )
    assert sorted(row for page in pages for row in page.rows) == sorted(hiding.visible)


@pytest.mark.parametrize("by_number", [True, False])
@pytest.mark.parametrize("short_by", [1, 2, 3])
@pytest.mark.parametrize("page_rows", [2, 3, 4, 5, 60])
def test_that_a_server_gives_large_pages_says_nothing_of_small_ones_that_come_short(page_rows, short_by, by_number):
    rows = [(number, number) for number in range(80)]

    def fetch(skip, asked=page_rows):
        return rows[skip : skip + max(asked - short_by, 1)], asked

    def fetch_from(place, skip, asked=page_rows):
        in_front = sum(1 for row in rows if place and row[:1] < place)
        return fetch(in_front + skip, asked)

    known = {"longest": SMALLEST_PAGE_ROWS}
    pages = (
        anchored_pages(
            fetch, lambda row: (str(row),), BEGINNING, look=lambda skip: fetch(skip, 50), ledger=Ledger(), **known
        )
        if by_number
        else keyset_pages(
            fetch_from, lambda row: row[:1], BEGINNING, look=lambda place, skip: fetch_from(place, skip, 50), **known
        )
    )
    assert [row for page in pages for row in page.rows] == rows


HIDDEN_RUNS = [range(1000, 1250), range(250, 361), range(299, 620), range(2000, 2700)]


@pytest.mark.parametrize("by_number", [True, False])
@pytest.mark.parametrize("cap", [None, 100])
@pytest.mark.parametrize("run", HIDDEN_RUNS, ids=str)
def test_a_look_far_behind_a_run_of_hidden_rows_does_not_step_over_others(run, cap, by_number):
    """One row is hidden early, so that the list is known to hide some."""
    rows = [(number, number) for number in range(3000)]
    hidden = {rows[50], *rows[run.start : run.stop]}
    hiding = HidingList(range(3000), hidden, 100, cap)
    pages = (
        anchored_pages(hiding.fetch, lambda row: (str(row),), BEGINNING, look=hiding.look, ledger=Ledger())
        if by_number
        else keyset_pages(hiding.fetch_from, lambda row: row[:1], BEGINNING, look=hiding.fetch_from)
    )
    assert sorted(row for page in pages for row in page.rows) == sorted(hiding.visible)


def test_what_was_held_back_is_no_sign_of_hidden_rows():
    hiding, looks = HidingList(range(20), set(), 500), Looks(are_due=False)
    pages = anchored_pages(hiding.fetch, lambda row: (str(row),), BEGINNING, in_groups=True, looks=looks)
    assert len([row for page in pages for row in page.rows]) == 20
    assert not looks.hides_rows
    assert hiding.requests == 2


@pytest.mark.parametrize("page_rows", [20, 4000])
def test_more_equal_keys_than_the_server_gives_at_once_are_an_error_and_no_endless_list(page_rows):
    hiding = HidingList([number // 40 for number in range(200)], set(), page_rows, cap=30)
    with pytest.raises(EqualKeysError):
        list(keyset_pages(hiding.fetch_from, lambda row: row[:1], BEGINNING))


def test_a_row_that_came_in_front_of_the_last_one_read_does_not_bring_that_once_more():
    rows = [str(number) for number in range(60)]

    def fetch(skip):
        if skip and len(rows) == 60:
            rows.insert(skip + 8, "new")
        return rows[skip : skip + 10], 10

    pages = anchored_pages(fetch, lambda row: (row,), BEGINNING, is_unique=False, ledger=Ledger())
    assert sorted(row for page in pages for row in page.rows) == sorted(rows)


@given(st.data())
def test_what_comes_and_goes_around_the_place_has_no_list_read_once_more_that_may_repeat(data):
    """The trail is in the order of the list, also where rows were inserted between those that were sent."""
    rows, left = list(range(0, 600, 10)), [3]

    def fetch(skip):
        if skip > 10 and left[0]:
            left[0] -= 1
            near = data.draw(st.integers(max(skip - 5, 0), skip))
            if near < len(rows):
                rows.insert(near, rows[near] - 1) if data.draw(st.booleans()) else rows.pop(near)
        return rows[skip : skip + 9], 9

    skips = []
    pages = anchored_pages(
        lambda skip: (skips.append(skip), fetch(skip))[1],
        lambda row: (str(row),),
        BEGINNING,
        ledger=Ledger(may_repeat=True),
    )
    assert {*rows} <= {row for page in pages for row in page.rows} | {row for row in rows if row % 10}
    assert skips.count(0) <= 2


def test_a_renamed_row_in_front_of_what_is_remembered_is_no_landmark():
    """After a resume little is remembered: what stands in front of the row that has moved was not read."""
    now = [*(("klmn"[place], "1") for place in range(4)), ("j", "2"), ("p", "1"), ("q", "1")]
    anchors = tuple((row, "1") for row in "fghij")

    def fetch(skip):
        return now[skip : skip + 3], 3

    pages = anchored_pages(fetch, lambda row: row, Position(10, anchors), ledger=Ledger(may_repeat=True))
    assert {row for page in pages for row, _ in page.rows} >= {*"klmnpq"}
