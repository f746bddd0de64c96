using Fairlead.ApiServer.Resources.Strategies;

namespace Fairlead.ApiServer.Resources.Kinds;

/// <summary>
/// Volumes and the claims for them, so that clients which look for them find lists. Nothing here binds them: a claim is Pending, as on
/// any cluster without a provisioner.
/// </summary>
internal static class StorageKinds
{
    public static IEnumerable<Kind> Rows() =>
    [
        new("", "v1", "PersistentVolume", "persistentvolumes", false, "V1PersistentVolume")
        {
            ShortNames = ["pv"], HasStatus = true, ShowsDeleted = true, Strategy = new PersistentVolumeStrategy(),
        },
        new("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true, "V1PersistentVolumeClaim")
        {
            ShortNames = ["pvc"], HasStatus = true, ShowsDeleted = true, Strategy = new PersistentVolumeClaimStrategy(),
        },
        new("storage.k8s.io", "v1", "StorageClass", "storageclasses", false, "V1StorageClass") { ShortNames = ["sc"], ShowsDeleted = true, Strategy = new StorageClassStrategy() },
    ];
}
