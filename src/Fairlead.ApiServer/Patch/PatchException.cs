namespace Fairlead.ApiServer.Patch;

/// <summary>A patch that cannot be applied. <see cref="Unprocessable"/>: well formed, but it does not fit the object (422 instead of 400).</summary>
internal sealed class PatchException(string message, bool unprocessable = false) : Exception(message)
{
    public bool Unprocessable { get; } = unprocessable;
}
