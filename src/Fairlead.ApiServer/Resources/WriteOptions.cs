using Fairlead.ApiServer.Patch.Apply;

namespace Fairlead.ApiServer.Resources;

/// <summary>How an object is written, besides what is written.</summary>
/// <param name="DryRun">Everything but the writing itself.</param>
/// <param name="Manager">Who changes fields, for metadata.managedFields.</param>
internal sealed record WriteOptions(bool DryRun, FieldManager Manager)
{
    /// <summary>The server's own writes.</summary>
    public static readonly WriteOptions Own = new(false, new FieldManager("fairlead", FieldManager.Update, ""));
}
