"""Webhooks: made, read, changed, deleted. Where they deliver is tested with our own server alone."""

from client import pages


def flow(f):
    client = f.client
    if not hasattr(client, "create_webhook"):
        return
    before = {hook.webhook_id for hook in client.list_webhooks()}
    url = "https://192.0.66.2/hook"  # a public address: MLflow refuses names that it cannot resolve, and nothing is delivered
    made = client.create_webhook(f.name("one"), url, ["registered_model.created", "model_version_alias.created"], description="What for.", secret="a secret")
    f.see("made", lambda: shape(made))
    f.see("got", lambda: shape(client.get_webhook(made.webhook_id)))
    f.see("changed", lambda: shape(client.update_webhook(made.webhook_id, name=f.name("uno"), status="DISABLED", events=["prompt.created"], description="Other.")))
    f.see("after", lambda: shape(client.get_webhook(made.webhook_id)))
    for name in ["", "-a", "a b", "a" * 63, "a" * 64, "ü"]:
        f.see(f"name {name[:5]!r} of {len(name)}", lambda: client.create_webhook(name, url, ["registered_model.created"]).name)
    f.see("http", lambda: client.create_webhook(f.name("http"), "http://example.org/hook", ["registered_model.created"]))
    f.see("no url", lambda: client.create_webhook(f.name("url"), "hook", ["registered_model.created"]))
    f.see("no events", lambda: client.create_webhook(f.name("events"), url, []))
    f.see("unknown event", lambda: client.create_webhook(f.name("event"), url, ["registered_model.deleted"]))
    f.see("unknown", lambda: client.get_webhook("00000000-0000-0000-0000-000000000000"))
    f.see("update unknown", lambda: client.update_webhook("00000000-0000-0000-0000-000000000000", name="x"))
    client.create_webhook(f.name("two"), url, ["model_version.created", "model_version_tag.set"])
    f.see("listed", lambda: sorted(h.name for h in client.list_webhooks() if h.webhook_id not in before and h.name.startswith(f.name(""))))
    f.see("in pages", lambda: [len(page) for page in pages(client.list_webhooks, max_results=2)][0])
    f.see("deleted", lambda: client.delete_webhook(made.webhook_id))
    f.see("deleted, got", lambda: client.get_webhook(made.webhook_id))
    f.see("deleted again", lambda: client.delete_webhook(made.webhook_id))
    for hook in client.list_webhooks():
        if hook.webhook_id not in before:
            client.delete_webhook(hook.webhook_id)


def shape(hook):
    return {"id": hook.webhook_id, "name": hook.name, "url": hook.url, "events": sorted(str(event) for event in hook.events), "description": hook.description,
            "status": hook.status, "secret": hook.secret, "times": [type(hook.creation_timestamp).__name__, type(hook.last_updated_timestamp).__name__]}
