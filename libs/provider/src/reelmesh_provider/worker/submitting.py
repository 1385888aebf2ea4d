"""Submitting: from a task to an id on disk and with the orchestrator, or to a verdict. Once, whatever happens."""

import asyncio
import contextlib
import dataclasses
import enum
from collections.abc import Callable, Generator
from dataclasses import dataclass

from opentelemetry.trace import SpanKind
from reelmesh_kit import errors as kit_errors

from reelmesh_provider import crash_points, errors, gate, model, ports
from reelmesh_provider.worker import background, leasing, persisting
from reelmesh_provider.worker.surroundings import Surroundings, span_attributes

# A decline that nobody takes for so long helps no longer: the attempt was resolved by looking.
DECLINE_PATIENCE_SECONDS = 600.0
GIVE_BACK_PATIENCE_SECONDS = 5.0
# Before an attempt is given back because something cannot be reached, so that it does not come back in circles.
UNREACHABLE_PAUSE_SECONDS = 3.0
LOST_PICTURE = (kit_errors.NotFound, kit_errors.TooLarge, kit_errors.AssetUnusable, kit_errors.PermissionDenied)

OnAccepted = Callable[[model.Task, str, bool], None]


class Taken(enum.Enum):
    """What became of a task's message."""

    DONE = "done"
    COME_AGAIN = "come again"


@dataclass(frozen=True)
class NotBegun:
    """Nothing was asked of the orchestrator or the provider: the attempt can be given back."""

    reason: str
    #: Whether that is because the provider could not be reached.
    unreachable: bool = False


Answered = model.Accepted | model.Declined | model.Drop | NotBegun


class Submitting:
    """The submits that are open, at most as many as there are slots."""

    def __init__(self, around: Surroundings, lease: leasing.Lease, on_accepted: OnAccepted) -> None:
        """Submit under `lease`; `on_accepted(task, job_id, cancel)` takes over what has an acknowledged id."""
        self._around = around
        self._lease = lease
        self._on_accepted = on_accepted
        self._slots = asyncio.Semaphore(around.limits.submit_slots)
        self._open: dict[str, tuple[str, asyncio.Task[Taken]]] = {}
        self._background = background.Background(around.chassis)
        self.draining = False

    def under(self, worker_id: str) -> tuple[str, ...]:
        """Return the attempts that this life of the worker is submitting."""
        return tuple(attempt_id for attempt_id, (owner, _) in self._open.items() if owner == worker_id)

    def is_open(self, attempt_id: str) -> bool:
        """Tell whether this process has a submit of the attempt open, under whichever life."""
        return attempt_id in self._open

    @property
    def idle(self) -> bool:
        """Whether no submit is open."""
        return not self._open

    def closed(self) -> str:
        """Say why nothing may begin; "" while it may."""
        if self.draining:
            return "the worker is shutting down"
        if self._lease.cordoned:
            return "the worker is cordoned"
        if self._lease.recovering:
            return "the record of the mesh went back: lost jobs are looked for"
        return self._lease.loss(self._lease.worker_id)

    async def take(self, task: model.Task) -> Taken:
        """Submit a task; returns as soon as it is SUBMITTING or refused, while the submit itself goes on."""
        if task.attempt_id in self._open:
            return Taken.DONE
        await self._slots.acquire()
        if task.attempt_id in self._open:
            self._slots.release()
            return Taken.DONE
        worker_id = self._lease.worker_id
        own_gate = self._gate(task, worker_id)
        # In the background, outside of the message's span, which ends when this returns.
        runner = self._background.start(self._run(task, worker_id, own_gate), f"submit attempt {task.attempt_id}")
        self._open[task.attempt_id] = (worker_id, runner)
        opened = asyncio.create_task(own_gate.opened())
        try:
            await asyncio.wait({runner, opened}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            opened.cancel()
        return runner.result() if runner.done() else Taken.DONE

    async def drain(self, seconds: float) -> None:
        """Begin nothing more, wait for open submits, and stop those that take longer; the journal keeps their ids."""
        self.draining = True
        runners = {runner for _, runner in self._open.values()}
        if not runners:
            return
        _, late = await asyncio.wait(runners, timeout=seconds)
        for runner in late:
            runner.cancel()
        if late:
            self._around.chassis.logger.warning("%d submits were still open after %.0f s", len(late), seconds)
            await asyncio.wait(late)

    def _gate(self, task: model.Task, worker_id: str) -> gate.Gate:
        async def ask(nonce: str) -> model.Go | model.Drop:
            leave = await self._around.mesh.attempts.begin(task.attempt_id, worker_id, nonce)
            crash_points.GRANTED.passed()
            return leave

        own = self._around.chassis
        return gate.Gate(
            clock=own.clock,
            nonce=str(own.ids.fresh()),
            ask=ask,
            closed=self.closed,
            lost=lambda: self._lease.loss(worker_id),
        )

    async def _run(self, task: model.Task, worker_id: str, own_gate: gate.Gate) -> Taken:
        own = self._around.chassis
        try:
            page = await self._around.mesh.journal.reserve(task.attempt_id)
            crash_points.RESERVED.passed()
            try:
                return await self._submit(task, worker_id, own_gate, page)
            except (kit_errors.ReelmeshError, OSError) as error:
                # Told for as long as made sense. Whatever the row says now, it resolves without us.
                own.logger.warning("Attempt %s is left to the orchestrator: %s", task.attempt_id, error)
                await page.tear_out()
                return Taken.DONE
        except (kit_errors.ReelmeshError, OSError) as error:
            own.logger.warning("Attempt %s cannot be submitted here: %s", task.attempt_id, error)
            await self._give_back(task, worker_id, str(error))
            return Taken.DONE
        finally:
            del self._open[task.attempt_id]
            self._slots.release()

    async def _submit(self, task: model.Task, worker_id: str, own_gate: gate.Gate, page: ports.Page) -> Taken:
        answer = await self._answer(task, own_gate)
        crash_points.ANSWERED.passed()
        self._count(answer)
        match answer:
            case model.Accepted():
                await self._keep(task, worker_id, answer, page)
                return Taken.DONE
            case model.Declined():
                await self._decline(task, worker_id, own_gate, answer)
            case NotBegun():
                await self._give_back(task, worker_id, answer.reason, unreachable=answer.unreachable)
            case model.Drop():
                self._around.chassis.logger.info("Attempt %s was dropped: %s", task.attempt_id, answer.reason)
        await page.tear_out()
        return Taken.COME_AGAIN if isinstance(answer, model.Drop) and answer.come_again else Taken.DONE

    async def _answer(self, task: model.Task, own_gate: gate.Gate) -> Answered:
        """Ask the provider. What it raises is classified by how far the gate was: this is where not knowing ends."""
        try:
            answer = await self._ask(task, own_gate)
            if isinstance(answer, model.Declined) and not own_gate.asked:
                # Impossible, as the provider could tell without asking: the orchestrator takes verdicts of what began.
                await own_gate.begin()
            return answer
        except errors.Dropped as dropped:
            return model.Drop(dropped.message, dropped.come_again) if own_gate.asked else NotBegun(dropped.message)
        except errors.WindowPassed as passed:
            return model.Declined(model.Verdict.NOT_SENT, passed.message)
        except Exception as error:  # noqa: BLE001 - foreign code; every error of it has a meaning by the gate's state
            return self._meaning(error, own_gate)

    async def _ask(self, task: model.Task, own_gate: gate.Gate) -> model.Submitted:
        own = self._around.chassis
        with (
            own.telemetry.span(
                "submit", kind=SpanKind.CLIENT, parent=task.traceparent, attributes=span_attributes(task)
            ) as span,
            self._measured(),
        ):
            try:
                filled = await self._with_pictures(task)
            except LOST_PICTURE as error:
                return model.Declined(model.Verdict.REFUSED_FOR_GOOD, f"A reference image cannot be had: {error}")
            submit = self._around.provider.submit(filled, own_gate)
            answer = await own.clock.wait_for(submit, self._around.limits.submit_timeout_seconds)
            if isinstance(answer, model.Accepted):
                span.set_attribute("gen_ai.response.id", answer.job_id)
            else:
                span.set_attribute("reelmesh.verdict", answer.verdict)
            return answer

    @contextlib.contextmanager
    def _measured(self) -> Generator[None]:
        own = self._around.chassis
        began = own.clock.elapsed()
        try:
            yield
        finally:
            self._around.metrics.note_submit(self._around.name, own.clock.elapsed() - began)

    def _meaning(self, error: Exception, own_gate: gate.Gate) -> Answered:
        own = self._around.chassis
        sentence = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        if not own_gate.asked:
            own.logger.warning("Not submitted: %s", sentence)
            # What is ours to see to (a picture that storage does not give, a key that is missing) comes in our words.
            return NotBegun(sentence, unreachable=not isinstance(error, kit_errors.ReelmeshError))
        if not own_gate.granted:
            return model.Declined(model.Verdict.NOT_SENT, sentence)
        own.logger.warning("Nobody knows how a submit ended: %s", sentence, exc_info=error)
        return model.Declined(model.Verdict.UNKNOWN, sentence)

    async def _with_pictures(self, task: model.Task) -> model.Task:
        assets = self._around.mesh.assets
        references = [await assets.read_picture(each, task.tenant_id) for each in task.reference_asset_ids]
        first, last = task.first_frame_asset_id, task.last_frame_asset_id
        return dataclasses.replace(
            task,
            references=tuple(references),
            first_frame=await assets.read_picture(first, task.tenant_id) if first else None,
            last_frame=await assets.read_picture(last, task.tenant_id) if last else None,
        )

    async def _keep(self, task: model.Task, worker_id: str, accepted: model.Accepted, page: ports.Page) -> None:
        """Put the id on disk, then tell it until it is acknowledged; only then forget the page."""
        own = self._around.chassis
        fact = model.JobFact(
            task.attempt_id,
            worker_id,
            accepted.job_id,
            model.Evidence.RECORD,
            project=accepted.project,
            account_id=task.account_id,
            model=task.model,
        )
        with self._around.metrics.unacknowledged.labels(self._around.name).track_inprogress():
            try:
                await page.write(fact)
            except OSError:
                own.logger.exception("The id of attempt %s is not on disk; telling it all the same.", task.attempt_id)
            crash_points.JOURNALLED.passed()
            with own.telemetry.span("record", parent=task.traceparent, attributes=span_attributes(task)):
                cancel_now = await persisting.until_acknowledged(
                    own, f"job of attempt {task.attempt_id}", lambda: self._around.mesh.attempts.record(fact)
                )
        crash_points.RECORDED.passed()
        self._on_accepted(task, accepted.job_id, cancel_now)
        await page.tear_out()

    async def _decline(self, task: model.Task, worker_id: str, own_gate: gate.Gate, declined: model.Declined) -> None:
        attempts = self._around.mesh.attempts
        await persisting.until_acknowledged(
            self._around.chassis,
            f"{declined.verdict} for attempt {task.attempt_id}",
            lambda: attempts.decline(task.attempt_id, worker_id, own_gate.nonce, declined),
            give_up_after_seconds=DECLINE_PATIENCE_SECONDS,
        )
        crash_points.DECLINED.passed()

    async def _give_back(self, task: model.Task, worker_id: str, reason: str, *, unreachable: bool = False) -> None:
        own = self._around.chassis
        if not self.closed():
            await own.clock.sleep(UNREACHABLE_PAUSE_SECONDS)
        try:
            await persisting.until_acknowledged(
                own,
                f"attempt {task.attempt_id} given back",
                lambda: self._around.mesh.attempts.give_back(
                    task.attempt_id, worker_id, reason, unreachable=unreachable
                ),
                give_up_after_seconds=GIVE_BACK_PATIENCE_SECONDS,
            )
        except kit_errors.ReelmeshError as error:
            # What was not begun in time is dispatched anew without being given back.
            own.logger.warning("Attempt %s could not be given back: %s", task.attempt_id, error.message)
        else:
            crash_points.GIVEN_BACK.passed()

    def _count(self, answer: Answered) -> None:
        match answer:
            case model.Accepted():
                result = "ACCEPTED"
            case model.Declined():
                result = answer.verdict.value
            case model.Drop():
                result = "DROPPED"
            case NotBegun():
                result = "NOT_BEGUN"
        self._around.metrics.submits.labels(self._around.name, result).inc()
