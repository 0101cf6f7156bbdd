"""Prompts: registered models with a text."""

import mlflow


def flow(f):
    if f.version < (2, 21):
        return
    api = mlflow.genai if f.version >= (3, 0) else mlflow
    if not hasattr(api, "register_prompt"):
        return
    name = f.name("prompt").replace(".", "-")
    shape = lambda p: {"name": p.name, "version": p.version, "template": p.template, "message": p.commit_message, "tags": p.tags, "variables": sorted(p.variables)}
    more = lambda key, value: {("tags" if f.version >= (3, 0) else "version_metadata"): {key: value}}
    f.see("first", lambda: shape(api.register_prompt(name, "Is there {{ weather }} in {{city}}?", commit_message="First.", **more("author", "ann"))))
    f.see("second", lambda: shape(api.register_prompt(name, "Will it {{ weather }}? ü 🌧", commit_message="Second.")))
    if f.version >= (3, 4):
        f.see("chat", lambda: shape(api.register_prompt(name, [{"role": "user", "content": "Hi {{who}}"}])))
        f.see("with a form", lambda: api.register_prompt(f.name("formed").replace(".", "-"), "x", response_format={"type": "object"}).response_format)
    f.see("loaded", lambda: shape(api.load_prompt(f"prompts:/{name}/1")))
    f.see("filled", lambda: api.load_prompt(f"prompts:/{name}/1").format(weather="rain", city="Oslo"))
    f.see("alias", lambda: api.set_prompt_alias(name, "best", 2))
    f.see("by alias", lambda: shape(api.load_prompt(f"prompts:/{name}@best")))
    f.see("no version", lambda: api.load_prompt(f"prompts:/{name}/99"))
    f.see("no prompt", lambda: api.load_prompt(f"prompts:/{f.name('nothing')}/1"))
    f.see("no alias", lambda: api.load_prompt(f"prompts:/{name}@nothing"))
    f.see("alias deleted", lambda: api.delete_prompt_alias(name, "best"))
    f.see("not a model", lambda: [m.name for m in f.client.search_registered_models(f"name = '{name}'")])
    f.see("got as a model", lambda: f.client.get_registered_model(name).name)
    f.see("too simple", lambda: api.register_prompt("a b/c", "x"))
    f.client.create_registered_model(f.name("model"))
    f.see("name of a model", lambda: api.register_prompt(f.name("model"), "x"))
    if hasattr(f.client, "search_prompts"):
        f.see("searched", lambda: [p.name for p in f.client.search_prompts(f"name = '{name}'")])
    if hasattr(f.client, "search_prompt_versions"):
        f.see("versions", lambda: f.client.search_prompt_versions(name))
    if hasattr(f.client, "set_prompt_tag"):
        f.see("tag", lambda: f.client.set_prompt_tag(name, "a", "b"))
        f.see("tagged", lambda: {k: v for k, v in f.client.get_prompt(name).tags.items() if k != "_mlflow_experiment_ids"})
        f.see("tag deleted", lambda: f.client.delete_prompt_tag(name, "a"))
    if hasattr(f.client, "set_prompt_version_tag"):
        f.see("version tag", lambda: f.client.set_prompt_version_tag(name, "1", "c", "d"))
        f.see("version tagged", lambda: api.load_prompt(f"prompts:/{name}/1").tags)
        f.see("version tag deleted", lambda: f.client.delete_prompt_version_tag(name, "1", "c"))
    if hasattr(f.client, "delete_prompt_version"):
        f.see("version deleted", lambda: f.client.delete_prompt_version(name, "1"))
        f.see("version deleted, loaded", lambda: api.load_prompt(f"prompts:/{name}/1"))
