"""Mail that comes back, as Postfix writes it."""

from email.message import EmailMessage


def bounce_of(message_id: str, action: str = "failed", status: str = "5.1.1") -> bytes:
    """Words, the status, and the headers of what it returns."""
    report = EmailMessage()
    report["From"], report["To"] = "MAILER-DAEMON@mx.example", "imaging-safety@trust.example"
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report.set_content("I'm sorry to have to inform you that your message could not be delivered.")
    report.make_mixed()
    report.replace_header("Content-Type", 'multipart/report; report-type="delivery-status"')
    blocks = (
        "Reporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; ada@trust.example\nAction: {action}\nStatus: {status}\n"
        "Diagnostic-Code: smtp; 550 5.1.1 <ada@trust.example>: User unknown\n"
    )
    raw = report.as_bytes()
    boundary = report.get_boundary() or report["Content-Type"].params.get("boundary", "")
    text = raw.decode()
    if not boundary:
        boundary = text.split('boundary="')[1].split('"')[0]
    parts = (
        f"--{boundary}\nContent-Type: message/delivery-status\n\n{blocks}\n"
        f"--{boundary}\nContent-Type: text/rfc822-headers\n\n"
        f"Subject: please answer\nMessage-ID: {message_id}\n\n--{boundary}--\n"
    )
    return (text.replace(f"--{boundary}--\n", "") + parts).encode()
