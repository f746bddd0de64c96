using System.Text.Json.Nodes;
using Fairlead.Controllers.Cache;
using Fairlead.Controllers.Owners;
using Fairlead.Kube.Client;
using k8s.Models;

namespace Fairlead.Controllers.Revisions;

/// <summary>Keeps an owner's ControllerRevisions.</summary>
internal sealed class RevisionWriter(KubeClient client)
{
    /// <summary>
    /// Answers the revision of the present template, made or numbered anew where need be; null where its name is taken by
    /// another template, so that the owner's collisionCount has to go up.
    /// </summary>
    /// <param name="label">Where the hash is noted on the revision, if anywhere beside the template's labels.</param>
    public async Task<RevisionItem?> EnsureAsync(
        Owner owner, PodTemplate template, IReadOnlyCollection<RevisionItem> revisions, int collisions, string label, CancellationToken cancel)
    {
        var choice = RevisionPlan.Choose(template, revisions);
        if (choice.Present is not { } present) return await CreateAsync(owner, template, choice.Number, collisions, label, cancel);
        if (present.Revision == choice.Number) return present;
        var patch = new JsonObject { ["metadata"] = new JsonObject { ["uid"] = present.Meta.Uid }, ["revision"] = choice.Number };
        return RevisionItem.From(await client.PatchAsync(ApiResources.ControllerRevisions, present.Key, Patch.Merge(patch), null, cancel));
    }

    public Task ForgetAsync(IEnumerable<RevisionItem> revisions, CancellationToken cancel) => Task.WhenAll(revisions.Select(revision =>
        client.DeleteAsync(ApiResources.ControllerRevisions, revision.Key, new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = revision.Meta.Uid } }, cancel)));

    private async Task<RevisionItem?> CreateAsync(Owner owner, PodTemplate template, long number, int collisions, string label, CancellationToken cancel)
    {
        var hash = template.Hash(collisions);
        var revision = new V1ControllerRevision
        {
            Metadata = new V1ObjectMeta
            {
                Name = $"{owner.Key.Name}-{hash}",
                NamespaceProperty = owner.Key.Namespace,
                Labels = new Dictionary<string, string>(template.Labels) { [label] = hash },
                OwnerReferences = [owner.Reference()],
            },
            Data = RevisionItem.Data(template),
            Revision = number,
        };
        try
        {
            return RevisionItem.From(await client.CreateAsync(ApiResources.ControllerRevisions, revision, cancel));
        }
        catch (KubeApiException e) when (e.IsAlreadyExists)
        {
            // Ours, and the cache does not show it yet; or another template's of the same hash.
            var present = await client.GetAsync(ApiResources.ControllerRevisions, owner.Key.Namespace, revision.Metadata.Name, cancel);
            var item = RevisionItem.From(present);
            return item.Meta.Controller?.Uid == owner.Uid && template.Equals(item.Template) ? item : null;
        }
    }
}
