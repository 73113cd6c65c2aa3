package reporting

import (
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"slices"
	"strings"
	"time"

	"rapport/internal/consent"
	"rapport/internal/fault"
	"rapport/internal/limit"
	"rapport/internal/mail"
	"rapport/internal/social"
	"rapport/internal/store"
)

// How many mails that ask somebody to confirm may go out on a day: of a
// workspace, and to an address from all workspaces together. The others wait.
const (
	maxAsked  = 20
	maxAsking = 3
)

const maxMails = 100 // people asked or forgotten in a tick

// hashes returns the hashes of a report's recipients, in their order.
func (r *Reporting) hashes(rep store.Report) []string {
	out := make([]string, len(rep.Recipients))
	for i, a := range rep.Recipients {
		out[i] = r.Key.Hash(a)
	}
	return out
}

// mail sends the report, a mail to each recipient who confirmed, at most once:
// that it is begun is noted before, so whoever finds it so knows that it may
// have been sent. Recipients whom nobody has asked yet are asked.
func (r *Reporting) mail(ctx context.Context, w string, run *store.Run, rep store.Report, ws store.Workspace, page, text []byte) error {
	known, err := r.Store.Mailings(ctx, w, r.hashes(rep))
	if err != nil {
		return err
	}
	to := map[string]string{} // by hash
	var order []string
	for i, m := range known {
		switch {
		case m.Asked.IsZero():
			if err := r.Store.AskRecipient(ctx, w, rep.ID, m.Address, r.Now()); err != nil {
				return err
			}
		case m.Wanted() && !slices.Contains(run.Told, m.Address) && to[m.Address] == "":
			to[m.Address], order = rep.Recipients[i], append(order, m.Address)
		}
	}
	run.State = store.RunDone
	switch {
	case len(order) == 0 || r.MailFrom == "":
		return r.Store.PutRun(ctx, w, run)
	case r.PublicURL == "":
		run.State, run.Problem = store.RunUnmailed, "no public address is set, at which recipients could unsubscribe"
		return r.Store.PutRun(ctx, w, run)
	}
	terms, err := r.Store.Terms(ctx, w)
	if err != nil {
		return err
	}
	err = r.Store.Ask(ctx, w, limit.Mails, len(order), terms.Limits.Most(limit.Mails), r.Now())
	if _, reached := errors.AsType[*limit.Reached](err); reached {
		run.State, run.Problem = store.RunUnmailed, fault.Message(err)
		return r.Store.PutRun(ctx, w, run)
	}
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(ws.TimeZone)
	if err != nil {
		return err
	}
	subject := fmt.Sprintf("Rapport: report for workspace %s, %s to %s", consent.Quoted(ws.Name), run.From.In(zone).Format("2 Jan"), run.To.Add(-time.Second).In(zone).Format("2 Jan 2006"))
	run.State = store.RunSending
	if err := r.Store.PutRun(ctx, w, run); err != nil {
		return err
	}
	refused := 0
	for _, address := range order {
		end := r.Key.URL(r.PublicURL, consent.Link{Does: consent.Unsubscribe, Workspace: w, Report: rep.ID, Address: address})
		_, err := r.Send(ctx, mail.Message{From: r.MailFrom, To: []string{to[address]}, Subject: subject, HTML: footed(string(page), ws.Name, end), Text: string(text) + "\n" + textFoot(ws.Name, end),
			Unsubscribe: end, ID: social.HashID("mail", social.Key(w, rep.ID, social.Stamp(run.Due), address))}, r.Now())
		switch {
		case errors.Is(err, mail.ErrUnknown):
			run.Problem = unknown
		case fault.Is(err, fault.Transient) || fault.Is(err, fault.RateLimited):
			// It was not sent. The run stays on the list: a later tick takes it over, for those who are left.
			run.State, run.Lease = store.RunRendered, r.Now()
			return errors.Join(err, r.Store.PutRun(ctx, w, run))
		case err != nil:
			slog.ErrorContext(ctx, "mail", "workspace", w, "report", rep.ID, "error", err.Error())
			refused++
			if run.Problem == "" {
				run.Problem = "the mail was refused: " + string(fault.KindOf(err))
			}
		default:
			run.Mailed++
		}
		run.Told = append(run.Told, address)
	}
	switch {
	case run.Problem == unknown: // stays as it is
	case run.Mailed == 0 && refused > 0:
		run.State = store.RunUnmailed
	default:
		run.State = store.RunDone
	}
	return r.Store.PutRun(ctx, w, run)
}

const unknown = "unknown whether sent"

// footed returns a report's page with a foot that says why it comes and how to end it.
func footed(page, name, end string) string {
	foot := fmt.Sprintf(`<p style="margin:0 auto;max-width:640px;padding:12px 20px;font-size:12px;line-height:1.5;color:#566072">You get this report because you confirmed that you want the reports of the workspace <bdi>%s</bdi>. <a href="%s" style="color:#4338ca">Unsubscribe</a></p>`,
		html.EscapeString(consent.Quoted(name)), html.EscapeString(end))
	i := strings.LastIndex(page, "</body>")
	if i < 0 {
		return page + foot
	}
	return page[:i] + foot + page[i:]
}

func textFoot(name, end string) string {
	return "You get this report because you confirmed that you want the reports of the workspace " + consent.Quoted(name) + ".\nUnsubscribe: " + end + "\n"
}

// askAndForget does what is due of recipients: it asks those who are to
// confirm, and takes the addresses of those who unsubscribed out of reports.
// One of whom that fails is due until it is done, and keeps nobody waiting.
func (r *Reporting) askAndForget(ctx context.Context) error {
	due, err := r.Store.RecipientsDue(ctx, r.Now(), maxMails)
	if err != nil {
		return err
	}
	var errs []error
	for _, x := range due {
		f := r.ask
		if !x.Unsubscribed.IsZero() {
			f = r.forget
		}
		if err := f(ctx, x); err != nil && !fault.Is(err, fault.Conflict) { // a conflict: somebody else does it
			errs = append(errs, fmt.Errorf("recipient %s of %s: %w", x.Address, x.Workspace, err))
		}
	}
	return errors.Join(errs...)
}

// forget leaves the hash of an address that unsubscribed in reports, in the address's place.
func (r *Reporting) forget(ctx context.Context, x store.Recipient) error {
	reports, err := r.Store.Reports(ctx, x.Workspace)
	if err != nil {
		return err
	}
	for _, rep := range reports {
		kept := slices.DeleteFunc(slices.Clone(rep.Recipients), func(a string) bool { return r.Key.Hash(a) == x.Address })
		if len(kept) == len(rep.Recipients) {
			continue
		}
		if err := r.Store.PutRecipients(ctx, x.Workspace, rep, kept, append(rep.Left, x.Address)); err != nil {
			return err
		}
	}
	x.Due = time.Time{}
	return r.Store.PutRecipient(ctx, &x)
}

// ask sends the mail that asks an address to confirm: once ever, since that it
// is begun is noted before, unless it was surely not sent.
func (r *Reporting) ask(ctx context.Context, x store.Recipient) error {
	if r.MailFrom == "" || r.PublicURL == "" {
		return nil // asked when there is mail
	}
	known, err := r.Store.Mailings(ctx, x.Workspace, []string{x.Address})
	if err != nil {
		return err
	}
	x = known[0].Recipient
	if !x.Unsubscribed.IsZero() {
		return r.forget(ctx, x)
	}
	if !x.Begun.IsZero() || !x.Confirmed.IsZero() || known[0].Stopped != "" {
		x.Due = time.Time{}
		return r.Store.PutRecipient(ctx, &x)
	}
	if rests, err := r.Store.Rests(ctx, x.Workspace); err != nil {
		return err
	} else if rests { // asked once it goes on, and meanwhile not on the list before others
		x.Due = r.Now().Add(resting)
		return r.Store.PutRecipient(ctx, &x)
	}
	address, rep, err := r.address(ctx, x)
	if err != nil {
		return err
	}
	if address == "" {
		return r.Store.DropRecipient(ctx, x) // nobody wants it any more, and it has heard nothing
	}
	ws, err := r.Store.Workspace(ctx, x.Workspace)
	if err != nil {
		return err
	}
	now := r.Now()
	tomorrow := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	err = r.Store.TakeAllowance(ctx, store.AskedByWorkspace, x.Workspace, now, maxAsked)
	if err == nil {
		err = r.Store.TakeAllowance(ctx, store.AskedOfAddress, x.Address, now, maxAsking)
	}
	if fault.Is(err, fault.RateLimited) {
		x.Due = tomorrow
		return r.Store.PutRecipient(ctx, &x)
	}
	if err != nil {
		return err
	}
	x.Begun, x.Due = now, time.Time{}
	if err := r.Store.PutRecipient(ctx, &x); err != nil {
		return err
	}
	_, err = r.Send(ctx, r.question(x, address, ws.Name, rep.Name), now)
	switch {
	case err == nil || errors.Is(err, mail.ErrUnknown):
		slog.InfoContext(ctx, "asked to confirm", "workspace", x.Workspace, "report", rep.ID, "sure", err == nil)
		return nil
	case fault.Is(err, fault.Transient) || fault.Is(err, fault.RateLimited):
		x.Begun, x.Due = time.Time{}, now
	default: // what is refused today may be an account that SES has not let out of its sandbox
		x.Begun, x.Due = time.Time{}, tomorrow
	}
	return errors.Join(err, r.Store.PutRecipient(ctx, &x))
}

// address finds the address that a hash is of among the recipients of the
// report it was named for, or of another; "" where it is none's any more.
func (r *Reporting) address(ctx context.Context, x store.Recipient) (string, store.Report, error) {
	reports, err := r.Store.Reports(ctx, x.Workspace)
	if err != nil {
		return "", store.Report{}, err
	}
	slices.SortStableFunc(reports, func(a, b store.Report) int {
		switch {
		case a.ID == x.Report:
			return -1
		case b.ID == x.Report:
			return 1
		}
		return 0
	})
	for _, rep := range reports {
		if i := slices.Index(r.hashes(rep), x.Address); i >= 0 {
			return rep.Recipients[i], rep, nil
		}
	}
	return "", store.Report{}, nil
}

// question is the mail that asks an address whether it wants reports. Who gets
// it has asked for nothing: what members chose to call things is shown as
// words in quotation marks, and nothing in it but our links is a link.
func (r *Reporting) question(x store.Recipient, address, workspace, name string) mail.Message {
	l := consent.Link{Does: consent.Confirm, Workspace: x.Workspace, Report: x.Report, Address: x.Address, Until: x.Begun.Add(consent.Lasts)}
	yes := r.Key.URL(r.PublicURL, l)
	l.Does, l.Until = consent.Unsubscribe, time.Time{}
	no := r.Key.URL(r.PublicURL, l)
	workspace, name = consent.Unlinked(workspace), consent.Unlinked(name)
	text := fmt.Sprintf(`Rapport makes reports of what people write to a business in public.

Somebody wants to send you the report %s
of the workspace %s. You get it only if you confirm
that you want it, within seven days:

%s

If you do nothing, nothing will come. To refuse for good:

%s
`, name, workspace, yes, no)
	esc := html.EscapeString
	page := fmt.Sprintf(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Rapport: do you want these reports?</title></head>
<body style="font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5;color:#1b2330">
<p>Rapport makes reports of what people write to a business in public.</p>
<p>Somebody wants to send you the report <bdi>%s</bdi> of the workspace <bdi>%s</bdi>. You get it only if you confirm that you want it, within seven days.</p>
<p><a href="%s" style="display:inline-block;padding:9px 14px;background:#4338ca;color:#ffffff;border-radius:6px;font-weight:600;text-decoration:none">Yes, I want it</a></p>
<p>If you do nothing, nothing will come. <a href="%s" style="color:#4338ca">Refuse for good</a></p>
</body></html>
`, esc(name), esc(workspace), esc(yes), esc(no))
	return mail.Message{From: r.MailFrom, To: []string{address}, Subject: "Rapport: do you want these reports?", HTML: page, Text: text, Unsubscribe: no,
		ID: social.HashID("ask", social.Key(x.Workspace, x.Address))}
}
