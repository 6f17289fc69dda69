"""The operations of the API by what they are about; `IdentityClient` has one of each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from uuid import UUID, uuid4

from identity_client import answers
from identity_client.paging import Pages
from identity_client.pictures import Picture, file_of, listed, stream_of
from identity_client.reading import read
from identity_client.stream import follow
from identity_client.transport import Call, Transport, segment


class Resource:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport


class People(Resource):
    def list(
        self,
        *,
        search: str | None = None,
        status: answers.PersonStatus | None = None,
        page: int = 1,
        page_size: int = 50,
    ) -> Pages[answers.PeoplePage, answers.Person]:
        """By name, from this page on. search: a part of the name or of the ID."""
        query = {"search": search, "status": status, "page": page, "page_size": page_size}
        return Pages(self._transport, "/people", answers.PeoplePage, query)

    def create(
        self, name: str, *, external_id: str | None = None, consent_version: int | None = None
    ) -> answers.Person:
        """external_id: made up when left out. consent_version: of the text that the person agreed to."""
        fields = {"name": name, "external_id": external_id, "consent_version": consent_version}
        return self._person(Call("POST", "/people", fields=fields))

    def read(self, external_id: str) -> answers.Person:
        return self._person(Call("GET", f"/people/{segment(external_id)}", again=True))

    def update(
        self, external_id: str, *, name: str | None = None, new_external_id: str | None = None
    ) -> answers.Person:
        """What is left out stays as it is."""
        fields = {"name": name, "external_id": new_external_id}
        return self._person(Call("PATCH", f"/people/{segment(external_id)}", fields=fields))

    def suspend(self, external_id: str) -> answers.Person:
        """Not recognised from the next request on; nothing is lost."""
        return self._person(Call("POST", f"/people/{segment(external_id)}/suspend"))

    def resume(self, external_id: str) -> answers.Person:
        return self._person(Call("POST", f"/people/{segment(external_id)}/resume"))

    def erase(self, external_id: str, *, receipt: bool = False) -> answers.Erasure | None:
        """With all photos and vectors, at once and for good. receipt: answer with a signed one."""
        query = {"receipt": receipt}
        response = self._transport.send(Call("DELETE", f"/people/{segment(external_id)}", query=query))
        return read(answers.Erasure, response.json()) if response.status_code == 200 else None

    def _person(self, call: Call) -> answers.Person:
        return read(answers.Person, self._transport.json(call))


class ConsentOf(Resource):
    def text(self) -> answers.ConsentText:
        """The text in force, to be shown whole."""
        call = Call("GET", "/consent", again=True)
        return read(answers.ConsentText, self._transport.json(call))

    def give(self, external_id: str, *, version: int, note: str | None = None) -> answers.Person:
        """version: of the text that the person was shown. note: where the proof is, such as the number of a form."""
        fields = {"version": version, "note": note}
        call = Call("POST", f"/people/{segment(external_id)}/consent", fields=fields)
        return read(answers.Person, self._transport.json(call))

    def withdraw(self, external_id: str) -> answers.Person:
        """Not recognised from the next request on, and erased after the days that the site states."""
        call = Call("DELETE", f"/people/{segment(external_id)}/consent")
        return read(answers.Person, self._transport.json(call))


class Photos(Resource):
    def list(
        self,
        external_id: str,
        *,
        state: answers.PhotoState | None = None,
        page: int = 1,
        page_size: int = 50,
    ) -> Pages[answers.PhotosPage, answers.Photo]:
        """Of a person, in the order in which they were added."""
        query = {"state": state, "page": page, "page_size": page_size}
        return Pages(self._transport, f"/people/{segment(external_id)}/photos", answers.PhotosPage, query)

    def add(
        self,
        external_id: str,
        image: Picture | Sequence[Picture] | None = None,
        *,
        filename: str = "",
        liveness_token: str | None = None,
    ) -> answers.PhotosAdded:
        """One or up to 20 pictures, or the token of a passed challenge. filename: of a single one.

        Each is taken or refused for itself; an ApiError when none was.
        """
        files = [("image", file_of(one, name=filename)) for one in listed(image)]
        fields = {"liveness_token": liveness_token}
        call = Call("POST", f"/people/{segment(external_id)}/photos", fields=fields, files=files)
        return read(answers.PhotosAdded, self._transport.json(call))

    def read(self, photo_id: int) -> answers.Photo:
        return self._photo(Call("GET", f"/photos/{photo_id}", again=True))

    def wait(self, photo_id: int, *, seconds: float = 60.0) -> answers.Photo:
        """Asks again until the photo is processed, or the time is over: then its state is still `waiting`."""
        until, pause = time.monotonic() + seconds, 0.2
        while True:
            photo = self.read(photo_id)
            left = until - time.monotonic()
            if photo.state not in ("waiting", "processing") or left <= 0:
                return photo
            self._transport.sleep(min(pause, left))
            pause = min(2 * pause, 3.0)

    def choose_face(self, photo_id: int, *, face: int) -> answers.Photo:
        """For one rejected with `several_faces`. face: which of its `faces` is the person's, from 0."""
        return self._photo(Call("POST", f"/photos/{photo_id}/choose_face", fields={"face": face}))

    def image(self, photo_id: int) -> bytes:
        """The stored JPEG."""
        return self._transport.send(Call("GET", f"/photos/{photo_id}/image", again=True)).content

    def delete(self, photo_id: int) -> None:
        self._transport.send(Call("DELETE", f"/photos/{photo_id}"))

    def _photo(self, call: Call) -> answers.Photo:
        return read(answers.Photo, self._transport.json(call))


class Imports(Resource):
    """Many people at once."""

    UPLOAD_SECONDS = 600.0  # the site looks through all of it before it answers

    def create(
        self,
        archive: Picture | None = None,
        *,
        table: Picture | None = None,
        consent: bool = False,
        start: bool = False,
        idempotency_key: str | None = None,
    ) -> answers.Import:
        """Hand in a zip with a folder of photos for each person, or with a CSV and its photos. Nobody is enrolled
        before it is started.

        table: the CSV where it is not in the zip. consent: everybody agreed to the text in force, unless the CSV says
        it. start: at once. idempotency_key: your own text for this import, made up when left out; sent again with it
        nothing is handed in twice, so lost connections are tried again. Files are sent as they are read.
        """
        headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
        with ExitStack() as opened:
            given = {"archive": archive, "table": table}
            files = [(name, stream_of(file, opened)) for name, file in given.items() if file is not None]
            fields = {"consent": consent, "start": start}
            call = Call("POST", "/imports", {}, fields, files, headers, True, self.UPLOAD_SECONDS)
            return self._import(call)

    def read(self, import_id: int) -> answers.Import:
        return self._import(Call("GET", f"/imports/{import_id}", again=True))

    def rows(
        self,
        import_id: int,
        *,
        result: answers.ImportResult | None = None,
        page: int = 1,
        page_size: int = 50,
    ) -> Pages[answers.ImportRowsPage, answers.ImportRow]:
        """Who is meant, and what became of each photo."""
        query = {"result": result, "page": page, "page_size": page_size}
        return Pages(self._transport, f"/imports/{import_id}/rows", answers.ImportRowsPage, query)

    def start(self, import_id: int) -> answers.Import:
        """Sent again it changes nothing."""
        return self._import(Call("POST", f"/imports/{import_id}/start", again=True))

    def wait(self, import_id: int, *, seconds: float = 600.0) -> answers.Import:
        """Asks again until it is done or failed, or the time is over. Its photos may still wait to be processed."""
        until = time.monotonic() + seconds
        while True:
            found = self.read(import_id)
            left = until - time.monotonic()
            if found.state not in ("waiting", "running") or left <= 0:
                return found
            self._transport.sleep(min(2.0, left))

    def delete(self, import_id: int) -> None:
        """Give it up. One that runs stops before the next person; who is in stays in."""
        self._transport.send(Call("DELETE", f"/imports/{import_id}"))

    def _import(self, call: Call) -> answers.Import:
        return read(answers.Import, self._transport.json(call))


class Attendance(Resource):
    def record(
        self,
        image: Picture | None = None,
        *,
        read: UUID | str | None = None,
        age_ms: int = 0,
        liveness_token: str | None = None,
    ) -> answers.ReadAnswer:
        """Who of those in the picture comes or goes.

        read: your number of the picture, made up when left out; sending it again with the same number records nothing
        twice, so lost connections are tried again. age_ms: how long ago it was taken.
        """
        fields = {"read": str(read or uuid4()), "age_ms": age_ms, "liveness_token": liveness_token}
        files = [] if image is None else [("image", file_of(image))]
        call = Call("POST", "/attendance", fields=fields, files=files, again=True)
        return _read(answers.ReadAnswer, self._transport.json(call))


class Liveness(Resource):
    def start(self, *, light: bool = False) -> answers.Started:
        """light: whether a screen beside the camera can show colours."""
        call = Call("POST", "/liveness/sessions", fields={"light": light})
        return read(answers.Started, self._transport.json(call))

    def frames(
        self,
        challenge_id: UUID | str,
        *,
        nonce: str,
        frame: Sequence[Picture],
        at: Sequence[float],
        shown: Sequence[int] | None = None,
    ) -> answers.Progress:
        """The next frames, each taken `at` these milliseconds; `shown`: the number of the colour shown then.

        Send about four times a second, each time with the nonce of the answer before.
        """
        fields = {"nonce": nonce, "at": list(at), "shown": list(shown) if shown else None}
        path = f"/liveness/sessions/{UUID(str(challenge_id))}/frames"
        call = Call("POST", path, fields=fields, files=[("frame", file_of(one)) for one in frame])
        return read(answers.Progress, self._transport.json(call))


class Events(Resource):
    def list(
        self,
        *,
        kind: answers.EventKind | None = None,
        outcome: answers.Decision | None = None,
        external_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before: int | None = None,
        after: int | None = None,
        page_size: int = 50,
    ) -> Pages[answers.EventsPage, answers.Event]:
        """What was decided, newest first. since, until: with a time zone. before, after: numbers of events."""
        query = {
            "kind": kind,
            "outcome": outcome,
            "external_id": external_id,
            "since": _moment(since),
            "until": _moment(until),
            "before": before,
            "after": after,
            "page_size": page_size,
        }
        return Pages(self._transport, "/events", answers.EventsPage, query)

    def stream(
        self, *, after: int | None = None, types: str | None = None, with_names: bool = False
    ) -> Iterator[answers.StreamMessage]:
        """What happens, as it happens, for ever: a connection that is lost is opened again where it was.

        after: number of the last message that you know; 0 for all that are kept. types: those that you want, with
        commas between them. Raises where the first connection cannot be opened, or the key is refused.
        """
        query = {"after": after, "types": types, "with_names": with_names}
        return follow(self._transport, Call("GET", "/events/stream", query=query))


_read = read  # an argument of the API has this name, too


def _moment(moment: datetime | None) -> str | None:
    if moment is not None and moment.tzinfo is None:
        raise ValueError("Give a time with its time zone, such as datetime.now(timezone.utc).")
    return moment.isoformat() if moment else None
