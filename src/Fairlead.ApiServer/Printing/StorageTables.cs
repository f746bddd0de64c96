using System.Text.Json;

namespace Fairlead.ApiServer.Printing;

/// <summary>Tables of volumes and the claims for them.</summary>
internal static class StorageTables
{
    public static readonly TableLayout Volumes = new(
    [
        TablePrinter.Name, TablePrinter.Text("Capacity", "How much it holds."), TablePrinter.Text("Access Modes", "Who may mount it how."),
        TablePrinter.Text("Reclaim Policy", "What becomes of it without its claim."), TablePrinter.Text("Status", "Whether a claim has it."),
        TablePrinter.Text("Claim", "The claim that has it."), TablePrinter.Text("StorageClass", "Its class."),
        TablePrinter.Text("VolumeAttributesClass", "The class of its attributes."), TablePrinter.Text("Reason", "Why it is in this state."), TablePrinter.Age,
    ],
        (obj, now) =>
        [
            obj.Name(), obj.Text("spec", "capacity", "storage"), Modes(obj), obj.Text("spec", "persistentVolumeReclaimPolicy"), obj.Text("status", "phase"), Claim(obj),
            obj.Text("spec", "storageClassName"), Class(obj), obj.Text("status", "reason"), obj.Age(now),
        ]);

    public static readonly TableLayout Claims = new(
    [
        TablePrinter.Name, TablePrinter.Text("Status", "Whether it has a volume."), TablePrinter.Text("Volume", "The volume that it has."),
        TablePrinter.Text("Capacity", "How much that holds."), TablePrinter.Text("Access Modes", "Who may mount it how."),
        TablePrinter.Text("StorageClass", "The class asked for."), TablePrinter.Text("VolumeAttributesClass", "The class of attributes asked for."), TablePrinter.Age,
    ],
        (obj, now) =>
        [
            obj.Name(), obj.Text("status", "phase"), obj.Text("spec", "volumeName"), obj.Text("status", "capacity", "storage"),
            obj.Text("spec", "volumeName") is { Length: > 0 } ? Modes(obj) : "", obj.Text("spec", "storageClassName"), Class(obj), obj.Age(now),
        ]);

    public static readonly TableLayout Classes = new(
    [
        TablePrinter.Name, TablePrinter.Text("Provisioner", "Who makes the volumes."), TablePrinter.Text("ReclaimPolicy", "What becomes of a volume without its claim."),
        TablePrinter.Text("VolumeBindingMode", "When claims are bound."), TablePrinter.Text("AllowVolumeExpansion", "Whether volumes may grow."), TablePrinter.Age,
    ],
        (obj, now) =>
        [
            IsDefault(obj) ? $"{obj.Name()} (default)" : obj.Name(), obj.Text("provisioner"), obj.Text("reclaimPolicy"), obj.Text("volumeBindingMode"),
            obj.At("allowVolumeExpansion")?.ValueKind == JsonValueKind.True, obj.Age(now),
        ]);

    private static bool IsDefault(JsonElement obj) => obj.Text("metadata", "annotations", "storageclass.kubernetes.io/is-default-class") == "true";

    private static string Claim(JsonElement volume) =>
        volume.Text("spec", "claimRef", "name") is { } name ? $"{volume.Text("spec", "claimRef", "namespace")}/{name}" : "";

    private static string Class(JsonElement obj) => obj.Text("spec", "volumeAttributesClassName") is { Length: > 0 } name ? name : "<unset>";

    private static string Modes(JsonElement obj) => string.Join(',', obj.List("spec", "accessModes").Select(mode => mode.GetString() switch
    {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        var other => other,
    }));
}
