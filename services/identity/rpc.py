"""What callers may ask of identity. Requests that hold a password are never remembered, not even as a digest."""

from libs.contracts import identity as contract
from libs.contracts.base import Nothing
from libs.messaging.rpc import ServiceRpc, command, query
from libs.messaging.work import Work
from services.identity import queries
from services.identity.handlers import accounts, organisations, passwords, people, sessions, sign_in


class IdentityRpc(ServiceRpc):
    """Sign-ins, sessions, people, organisations."""

    name = "identity"

    # Sign-in: nobody is signed in yet, the browser's digest is the proof.

    @command(public=True, remember=False)
    def begin_sign_in(self, work: Work, request: contract.BeginSignIn) -> contract.SignInView:
        return sign_in.begin(work, request)

    @command(public=True, remember=False)
    def change_issued_password(self, work: Work, request: contract.ChangeIssuedPassword) -> contract.SignInView:
        return passwords.change_issued(work, request)

    @query(public=True)
    def get_sign_in(self, work: Work, request: contract.GetSignIn) -> contract.SignInView:
        return queries.get_sign_in(work, request)

    @command(public=True)
    def complete_sign_in(self, work: Work, request: contract.CompleteSignIn) -> contract.SessionView:
        return sign_in.complete(work, request)

    @command(public=True)
    def cancel_sign_in(self, work: Work, request: contract.CancelSignIn) -> contract.SignInView:
        return sign_in.cancel(work, request)

    # Sessions

    @command(public=True, remember=False)
    def authenticate(self, work: Work, request: contract.Authenticate) -> contract.PrincipalView:
        return sessions.authenticate(work, request)

    @query
    def list_sessions(self, work: Work, request: contract.ListSessions) -> contract.SessionList:
        return queries.list_sessions(work, request)

    @command
    def end_session(self, work: Work, request: contract.EndSession) -> Nothing:
        return sessions.end(work, request)

    @command
    def end_other_sessions(self, work: Work, request: contract.EndOtherSessions) -> Nothing:
        return sessions.end_others(work, request)

    @command(remember=False)
    def change_password(self, work: Work, request: contract.ChangePassword) -> Nothing:
        return passwords.change_own(work, request)

    @query
    def get_me(self, work: Work, request: contract.GetMe) -> contract.PersonView:
        return queries.get_me(work, request)

    @command
    def set_language(self, work: Work, request: contract.SetLanguage) -> Nothing:
        return accounts.set_language(work, request)

    # People and organisations

    @query
    def check_people(self, work: Work, request: contract.CheckPeople) -> contract.PeopleCheck:
        return people.check(work, request)

    @command
    def add_people(self, work: Work, request: contract.AddPeople) -> contract.AddedPeople:
        return people.add(work, request)

    @query
    def list_people(self, work: Work, request: contract.ListPeople) -> contract.People:
        return queries.list_people(work, request)

    @command
    def issue_account(self, work: Work, request: contract.IssueAccount) -> contract.PersonView:
        return accounts.issue(work, request)

    @command
    def correct_person(self, work: Work, request: contract.CorrectPerson) -> contract.PersonView:
        return accounts.correct(work, request)

    @command
    def reissue_password(self, work: Work, request: contract.ReissuePassword) -> Nothing:
        return accounts.reissue(work, request)

    @command
    def close_account(self, work: Work, request: contract.CloseAccount) -> Nothing:
        return accounts.close(work, request)

    @command
    def register_organisation(self, work: Work, request: contract.RegisterOrganisation) -> contract.OrganisationView:
        return organisations.register(work, request)

    @command
    def correct_organisation(self, work: Work, request: contract.CorrectOrganisation) -> contract.OrganisationView:
        return organisations.correct(work, request)

    @query
    def get_organisation(self, work: Work, request: contract.GetOrganisation) -> contract.OrganisationView:
        return queries.get_organisation(work, request)

    @query
    def list_organisations(self, work: Work, request: contract.ListOrganisations) -> contract.Organisations:
        return queries.list_organisations(work, request)
