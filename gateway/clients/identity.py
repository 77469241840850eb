"""What the portal asks of ``identity``: sign-ins, sessions, people, organisations."""

from uuid import UUID

from gateway.clients.base import Remote, client
from libs.contracts import identity as contract
from libs.contracts.base import Nothing

ROWS_A_TURN = 250
"""Rows of people that fit into the usual time, on a slow and busy machine."""


def _patience(people: list[contract.NewPerson]) -> float:
    return 1 + len(people) / ROWS_A_TURN


class IdentityClient(Remote):
    """The remote side of ``identity``; each method is one deed or question there."""

    service = "identity"

    # Sign-in

    def begin_sign_in(
        self, login: str, password: str, browser_digest: str, *, network: str, device: str
    ) -> contract.SignInView:
        """Name and password; raises ``Unauthenticated`` where they do not fit."""
        request = contract.BeginSignIn(
            login=login, password=password, browser_digest=browser_digest, network=network, device=device
        )
        return self._tell("begin_sign_in", request, contract.SignInView)

    def change_issued_password(self, sign_in_id: UUID, browser_digest: str, new_password: str) -> contract.SignInView:
        """The change that a first sign-in demands."""
        request = contract.ChangeIssuedPassword(
            sign_in_id=sign_in_id, browser_digest=browser_digest, new_password=new_password
        )
        return self._tell("change_issued_password", request, contract.SignInView)

    def get_sign_in(self, sign_in_id: UUID, browser_digest: str) -> contract.SignInView:
        """Where an attempt stands; ``NotFound`` from another browser."""
        request = contract.GetSignIn(sign_in_id=sign_in_id, browser_digest=browser_digest)
        return self._ask("get_sign_in", request, contract.SignInView)

    def complete_sign_in(self, sign_in_id: UUID, browser_digest: str, session_digest: str) -> contract.SessionView:
        """Trade an approved attempt, once, for a session."""
        request = contract.CompleteSignIn(
            sign_in_id=sign_in_id, browser_digest=browser_digest, session_digest=session_digest
        )
        return self._tell("complete_sign_in", request, contract.SessionView)

    def cancel_sign_in(self, sign_in_id: UUID, browser_digest: str, reason: str = "cancelled") -> contract.SignInView:
        """End an attempt from the browser."""
        request = contract.CancelSignIn(sign_in_id=sign_in_id, browser_digest=browser_digest, reason=reason)
        return self._tell("cancel_sign_in", request, contract.SignInView)

    # Sessions

    def authenticate(self, session_digest: str) -> contract.PrincipalView:
        """Trade a session for a principal; counts as activity."""
        return self._ask("authenticate", contract.Authenticate(session_digest=session_digest), contract.PrincipalView)

    def list_sessions(self) -> contract.SessionList:
        """The caller's sessions."""
        return self._ask("list_sessions", contract.ListSessions(), contract.SessionList)

    def end_session(self, session_id: UUID | None = None) -> None:
        """End one own session; the current one where no id is given."""
        self._tell("end_session", contract.EndSession(session_id=session_id), Nothing)

    def end_other_sessions(self) -> None:
        """End all own sessions but the current one."""
        self._tell("end_other_sessions", contract.EndOtherSessions(), Nothing)

    def change_password(self, current_password: str, new_password: str) -> None:
        """Change the caller's password; the other sessions end."""
        request = contract.ChangePassword(current_password=current_password, new_password=new_password)
        self._tell("change_password", request, Nothing)

    def set_language(self, language: str) -> None:
        """The language of the caller's mails and pages."""
        self._tell("set_language", contract.SetLanguage(language=language), Nothing)

    def me(self) -> contract.PersonView:
        """The caller's own account."""
        return self._ask("get_me", contract.GetMe(), contract.PersonView)

    # People and organisations

    def check_people(self, organisation_id: UUID, people: list[contract.NewPerson]) -> contract.PeopleCheck:
        """Check pasted rows without saving anything."""
        request = contract.CheckPeople(organisation_id=organisation_id, people=people)
        return self._ask("check_people", request, contract.PeopleCheck, patience=_patience(people))

    def add_people(
        self, organisation_id: UUID, people: list[contract.NewPerson], *, only_good: bool
    ) -> contract.AddedPeople:
        """Create accounts for rows; each person gets a mail."""
        request = contract.AddPeople(organisation_id=organisation_id, people=people, only_good=only_good)
        return self._tell("add_people", request, contract.AddedPeople, patience=_patience(people))

    def list_people(
        self,
        organisation_id: UUID,
        *,
        search: str = "",
        account_ids: list[UUID] | None = None,
        page_size: int = 200,
        page_token: str | None = None,
    ) -> contract.People:
        """People of one organisation."""
        request = contract.ListPeople(
            organisation_id=organisation_id,
            search=search,
            account_ids=account_ids,
            page_size=page_size,
            page_token=page_token,
        )
        return self._ask("list_people", request, contract.People)

    def correct_person(self, request: contract.CorrectPerson) -> contract.PersonView:
        """Correct a person's data."""
        return self._tell("correct_person", request, contract.PersonView)

    def issue_account(self, request: contract.IssueAccount) -> contract.PersonView:
        """Issue an account; its holder gets a mail."""
        return self._tell("issue_account", request, contract.PersonView)

    def reissue_password(self, account_id: UUID) -> None:
        """Send a new temporary password; the account's sessions end."""
        self._tell("reissue_password", contract.ReissuePassword(account_id=account_id), Nothing)

    def close_account(self, account_id: UUID) -> None:
        """End an account."""
        self._tell("close_account", contract.CloseAccount(account_id=account_id), Nothing)

    def register_organisation(self, request: contract.RegisterOrganisation) -> contract.OrganisationView:
        """Register a legal body."""
        return self._tell("register_organisation", request, contract.OrganisationView)

    def correct_organisation(self, request: contract.CorrectOrganisation) -> contract.OrganisationView:
        """Correct an organisation's data."""
        return self._tell("correct_organisation", request, contract.OrganisationView)

    def get_organisation(self, organisation_id: UUID) -> contract.OrganisationView:
        """One organisation."""
        request = contract.GetOrganisation(organisation_id=organisation_id)
        return self._ask("get_organisation", request, contract.OrganisationView)

    def list_organisations(
        self, *, search: str = "", page_size: int = 50, page_token: str | None = None
    ) -> contract.Organisations:
        """All organisations."""
        request = contract.ListOrganisations(search=search, page_size=page_size, page_token=page_token)
        return self._ask("list_organisations", request, contract.Organisations)


identity = client(IdentityClient)
